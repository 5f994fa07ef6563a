"""Erases a customer of one organization, and says what the law keeps."""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from compliance.personaldata import collecting, finds, services
from core import clock, ids
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Keys destroyed, copies removed, what the law keeps named; then accounts that open nothing any more."""

    help = "Erase a customer with everybody at it, also from typed words. What the law demands is kept, and named."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add whose and who."""
        super().add_arguments(parser)
        parser.add_argument("--organization", required=True, metavar="SLUG", help="the organization's slug")
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--customer", metavar="ID", help="cus_… or the plain id")
        who.add_argument("--contact", metavar="ID", help="con_… or the plain id")

    def run(self, **options: Any) -> dict[str, Any]:
        """Erase in one transaction, then what belongs to no organization."""
        at = clock.now()
        by_customer = bool(options["customer"])
        kind = "customer" if by_customer else "contact"
        key = _key(kind, options[kind])
        with self.organization(options["organization"]) as tenant:
            person = collecting.customer(key) if by_customer else collecting.contact(key)
            services.refuse_erasure(person)
        # Nobody looks at each place here, as on the page of a request: what can be changed is changed.
        words, left = finds.take_out_everywhere(tenant_id=tenant.pk, person=person, actor=self.actor)
        with self.organization(options["organization"]):
            if by_customer:
                done = services.erase_customer(customer_id=key, actor=self.actor, at=at)
            else:
                done = services.erase_contact(contact_id=key, actor=self.actor, at=at)
            words["words"] += finds.take_out_with(done.entry_id, left=left, person=person, actor=self.actor)
        services.write_journal(tenant_id=tenant.pk, at=at)
        accounts = services.forget_accounts(done.users, actor=self.actor, at=at)
        return {
            "erased": {**done.erased, "accounts": accounts, **words},
            "kept": [
                {"what": each.what, "count": each.count, "why": each.why, "until": each.until}
                for each in done.kept
            ],
        }


def _key(kind: str, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        pass
    try:
        return ids.decode(kind, text)
    except Exception as error:
        raise CommandError(f"'{text}' is no id of a {kind}.") from error
