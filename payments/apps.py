"""Wiring of payments."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    """Money that moved."""

    name = "payments"

    def ready(self) -> None:
        """Register the event types of payments, and who makes what goes with its mails."""
        from outbound import mail
        from payments import closing, events, exports, proofs  # noqa: F401  registering is the import's effect
        from payments.services import refunds, sending

        mail.register_attachment(sending.INVOICE_PDF, sending.invoice_file)
        mail.register_attachment(sending.EINVOICE, sending.einvoice_file)
        mail.register_attachment(sending.RECEIPT_PDF, sending.receipt_file)
        refunds.register()
        exports.register_all()
