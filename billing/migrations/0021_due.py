"""Adding up what is due by day, whatever number of invoices is stored."""

from django.db import migrations, models
from django.db.models import Q

from tenancy.migrating import AtOnce

_SUMMED = ("currency", "customer_id", "total_minor", "amount_due_minor")


class Migration(AtOnce):
    """One index wider, one more."""

    dependencies = [("billing", "0020_progress")]

    operations: list[migrations.operations.base.Operation] = [
        migrations.RemoveIndex(model_name="invoice", name="billing_invoice_due"),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(
                condition=Q(status="finalized") & ~Q(payment_status="paid"),
                fields=["tenant", "due_on", "id"],
                include=_SUMMED,
                name="billing_invoice_due",
            ),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(
                fields=["tenant", "due_on", "id"], include=_SUMMED, name="billing_invoice_due_any"
            ),
        ),
    ]
