"""Finding what is owed, today and on a day of the past."""

from django.db import migrations, models
from django.db.models import Q

from tenancy.migrating import AtOnce


class Migration(AtOnce):
    """Two indexes."""

    dependencies = [("billing", "0014_quotes")]

    operations: list[migrations.operations.base.Operation] = [
        migrations.AddIndex(
            model_name="allocation",
            index=models.Index(fields=["tenant", "customer", "at"], name="billing_allocation_when"),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(
                condition=~Q(amount_due_minor=0) & ~Q(status="draft"),
                fields=["tenant", "currency", "due_on"],
                name="billing_invoice_owing",
            ),
        ),
    ]
