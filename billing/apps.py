"""Wiring of billing."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Money that is owed."""

    name = "billing"

    def ready(self) -> None:
        """Register billing's event types, and what a new organization gets from billing."""
        from accounts import fielddiffs
        from accounts.permissions import Permission
        from accounts.services import approvals, organizations
        from billing import events  # noqa: F401  registering is the import's effect
        from billing.bankaccounts import services as bankaccounts
        from billing.catalog.models import Price, Product
        from billing.creditnotes import proofs  # noqa: F401  so is this
        from billing.exports import lists
        from billing.exports import services as exports
        from billing.issuer import services as issuer
        from billing.ledger import proofs as book_proofs  # noqa: F401  as above
        from billing.periods import services as periods
        from billing.quotes import proofs as quote_proofs  # noqa: F401  as above
        from billing.quotes import sending as quote_sending
        from billing.settlement.services import losses
        from billing.tax.models import TaxRate
        from outbound import mail

        mail.register_attachment(quote_sending.QUOTE_PDF, quote_sending.quote_file)
        fielddiffs.register(Product, fields=("kind", "tax_code", "unit_code", "state"))
        fielddiffs.register(Price, fields=("valid_from", "valid_to"))
        lists.register_all()
        approvals.register(
            approvals.Kind(
                code=exports.KIND,
                execute=exports.carry_out,
                withdrawn=exports.declined,
                permission=Permission.APPROVAL_DECIDE,
            )
        )
        organizations.when_founded(issuer.found)
        fielddiffs.register(TaxRate, fields=("name", "category", "percentage", "valid_from", "valid_to"))
        approvals.register(approvals.Kind(code=losses.KIND, execute=losses.carry_out))
        approvals.register(
            approvals.Kind(
                code=periods.KIND, execute=periods.carry_out, permission=Permission.APPROVAL_DECIDE
            )
        )
        approvals.register(
            approvals.Kind(
                code=bankaccounts.KIND,
                execute=bankaccounts.carry_out,
                permission=Permission.APPROVAL_DECIDE,
            )
        )
