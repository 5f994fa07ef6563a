"""Erases a customer of one organization, and says what the law keeps."""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from compliance.personaldata import services
from core import clock, ids
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Keys destroyed, copies removed, what the law keeps named; then accounts that open nothing any more."""

    help = "Erase a customer with everybody at it. What the law demands is kept, and named."

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
        with self.organization(options["organization"]) as tenant:
            if options["customer"]:
                key = _key("customer", options["customer"])
                done = services.erase_customer(customer_id=key, actor=self.actor, at=at)
            else:
                key = _key("contact", options["contact"])
                done = services.erase_contact(contact_id=key, actor=self.actor, at=at)
        services.write_journal(tenant_id=tenant.pk, at=at)
        accounts = services.forget_accounts(done.users, actor=self.actor, at=at)
        return {
            "erased": {**done.erased, "accounts": accounts},
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
