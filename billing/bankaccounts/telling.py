"""Telling people of a change of the bank details: everybody who pays, and everybody who could stop it.

Promise kept: the mail names no account and carries no link to pay: it says that the details change, from when, and
where to look. Each person is told once of each step, also when the work is cut off and begun again.
"""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts import notices
from accounts import queries as people
from accounts.models import Membership, PortalAccess, User
from accounts.permissions import Permission
from audit import services as audit
from billing import events
from billing.bankaccounts import queries
from billing.bankaccounts.models import BankAccount
from billing.documents import papers
from billing.documents.pdf import words
from billing.issuer import queries as issuers
from core.actor import Actor
from tenancy.context import Scope, scope, use_case

_TEMPLATES = {
    BankAccount.State.ANNOUNCED.value: "bank_details_announced",
    BankAccount.State.CANCELED.value: "bank_details_canceled",
}
_CONCERNED = frozenset({Permission.BANK_ACCOUNT_MANAGE, Permission.APPROVAL_DECIDE})
_PORTION = 200


def tell(*, tenant_id: UUID, actor: Actor, at: datetime) -> int:
    """Tell of what nobody has been told of yet, portion by portion; return how many mails were written."""
    with scope(Scope(tenant_id)):
        untold = [
            (row.pk, row.state)
            for row in BankAccount.objects.filter(state__in=_TEMPLATES)
            # Of a change that was stopped before anybody knew, nobody needs to hear.
            if row.told != row.state and (row.state == BankAccount.State.ANNOUNCED or row.told)
        ]
        persons = sorted(_concerned(at)) if untold else []
    written = 0
    for account_id, state in untold:
        for start in range(0, len(persons), _PORTION):
            with scope(Scope(tenant_id)):
                written += _write(account_id, state, persons[start : start + _PORTION], at=at)
        with scope(Scope(tenant_id)):
            _note(account_id=account_id, state=state, persons=len(persons), actor=actor)
    return written


def _write(account_id: UUID, state: str, persons: list[UUID], *, at: datetime) -> int:
    row = BankAccount.objects.get(pk=account_id)
    issuer = issuers.get()
    zone = issuers.time_zone()
    languages = _languages(persons)
    for person in User.objects.filter(pk__in=persons):
        lang = languages.get(person.pk, "en")
        notices.tell(
            person,
            _TEMPLATES[state],
            once_per=f"{account_id}:{state}",
            language=lang,
            organization=issuer.name if issuer is not None else "",
            holds_from=_moment(row.holds_from, zone, lang),
            check_url=queries.check_url(),
            settings_url=_settings_url(),
        )
    return len(persons)


@use_case
def _note(*, account_id: UUID, state: str, persons: int, actor: Actor) -> None:
    row = BankAccount.objects.select_for_update().get(pk=account_id)
    row.told = state
    row.save(update_fields=["told"])
    audit.record(
        events.BANK_ACCOUNT_TOLD,
        actor=actor,
        subject=("bank_account", account_id),
        facts={"state": state, "people": persons},
    )


def _concerned(at: datetime) -> set[UUID]:
    """Return everybody with a portal, and the members who change or decide."""
    payers = PortalAccess.objects.filter(ended_at__isnull=True).values_list("user_id", flat=True)
    operator = people.in_operator_organization()
    members = {
        member.user_id
        for member in people.members().filter(state=Membership.State.ACTIVE)
        if (member.expires_at is None or member.expires_at > at)
        and _CONCERNED & member.role.permissions(of_operator=operator)
    }
    return set(payers) | members


def _languages(persons: list[UUID]) -> dict[UUID, str]:
    """Say how each payer is written to: as their customer is."""
    rows = PortalAccess.objects.filter(user_id__in=persons, ended_at__isnull=True)
    return {
        person: papers.language_of(customer)
        for person, customer in rows.values_list("user_id", "customer_id")
    }


def _moment(at: datetime, zone: str, lang: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    return f"{words.day(local.date(), lang)}, {local:%H:%M} ({zone})"


def _settings_url() -> str:
    slug = people.current_organization().slug
    return f"{settings.PUBLIC_URL}/o/{slug}/settings/bank-account"
