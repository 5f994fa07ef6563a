"""Wiring of payments."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    """Money that moved."""

    name = "payments"

    def ready(self) -> None:
        """Register the event types of payments, and who makes what goes with its mails."""
        from billing.attachments import services as attachments
        from billing.subscriptions import testclock
        from outbound import mail
        from payments import closing, events, exports, proofs  # noqa: F401  registering is the import's effect
        from payments.reminders import daily
        from payments.services import refunds, sending

        mail.register_attachment(sending.INVOICE_PDF, sending.invoice_file)
        mail.register_attachment(sending.EINVOICE, sending.einvoice_file)
        mail.register_attachment(sending.RECEIPT_PDF, sending.receipt_file)
        mail.register_attachment(attachments.MAILED, attachments.mail_file)
        refunds.register()
        exports.register_all()

        testclock.when_day_passes(
            lambda tenant_id, actor, at: daily.remind(tenant_id=tenant_id, actor=actor, now=lambda: at)
        )
