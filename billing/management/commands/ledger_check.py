"""Proves the books of every organization anew."""

from typing import Any

from django.core.management.base import CommandParser

from audit import services as audit
from billing import events
from billing.ledger import queries
from tenancy import context
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Every transaction balances; every finalized invoice stands in the books once, with its totals."""

    help = "Prove the books anew: balance of every transaction, posting of every finalized invoice."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--organization`."""
        super().add_arguments(parser)
        parser.add_argument("--organization", metavar="SLUG", help="only this organization")

    def run(self, **options: Any) -> dict[str, Any]:
        """Check one organization after the other, each in its own scope."""
        errors: list[dict[str, str]] = []
        transactions = 0
        tenants = self.organizations(options["organization"])
        for tenant in tenants:
            with context.scope(context.Scope(tenant.pk)):
                found, count = queries.check(), queries.count_transactions()
                facts = {"transactions": count, "errors": len(found)}
                audit.record(
                    events.LEDGER_CHECKED,
                    actor=self.actor,
                    facts=facts,
                    result="failed" if found else "success",
                )
            transactions += count
            errors += [
                {"organization": tenant.slug, "kind": error.kind, "subject": error.subject} for error in found
            ]
        return {"organizations": len(tenants), "transactions": transactions, "errors": errors}
