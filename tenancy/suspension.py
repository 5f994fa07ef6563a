"""What a suspended organization does not do: bill, collect, remind, or write to anybody.

Its keys, its trail, its backups and the clocks of the law go on, so a periodic walk asks here only when it is business.
"""

from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID

from django.utils.translation import gettext_noop as _

from core.errors import Suspended
from tenancy import context
from tenancy.models import Tenant

# Kinds of reasons and no words: the trail keeps codes alone.
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "incident": _("A security incident"),
        "asked": _("The organization asked for it"),
        "unpaid": _("The contract is in arrears"),
        "ended": _("The contract has ended"),
        "law": _("A court or an authority ordered it"),
    }
)


# While it may be somebody else who is paid, nobody is: an intruder's bank details would stand on the page.
PAYING_IN_DOUBT = frozenset({"incident", "law"})


def at_work(*, reason: str) -> list[UUID]:
    """Return the organizations that do business now: neither sealed, nor closing, nor suspended."""
    with context.system_scope(reason=reason):
        rows = Tenant.objects.filter(state=Tenant.State.ACTIVE, suspended_at__isnull=True)
        return list(rows.order_by("slug").values_list("pk", flat=True))


def is_suspended() -> bool:
    """Tell whether the organization in scope is suspended."""
    return Tenant.objects.filter(pk=context.current_tenant(), suspended_at__isnull=False).exists()


def refuse() -> None:
    """Let no business be done in a suspended organization.

    Raises:
        Suspended
    """
    if is_suspended():
        raise Suspended
