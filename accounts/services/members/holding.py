"""What a member may not do until a duty is done; another app keeps the duties and says so here."""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from accounts.models import Membership
from accounts.permissions import Permission
from tenancy.context import use_case


@use_case
def locked(member_ids: Collection[UUID]) -> list[Membership]:
    """Return members who have not left, with their roles, their rows locked; always in the same order."""
    rows = Membership.objects.select_for_update(of=("self",), no_key=True).select_related("role")
    return list(rows.filter(pk__in=list(member_ids)).exclude(state=Membership.State.REMOVED).order_by("pk"))


@use_case
def hold_back(*, member: Membership, rights: Collection[Permission], duty_due_on: date | None) -> bool:
    """Withhold exactly these rights of a locked member from the next request on, and note when a duty is due.

    Return whether the rights that are withheld have changed. The caller leaves the audit event, which says why.
    """
    wanted = sorted(right.value for right in rights)
    changed = sorted(member.withheld) != wanted
    if changed or member.duty_due_on != duty_due_on:
        member.withheld, member.duty_due_on = wanted, duty_due_on
        member.save(update_fields=["withheld", "duty_due_on"])
    return changed
