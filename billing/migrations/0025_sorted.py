"""Quotes and subscriptions in the order of a column."""

from django.db import migrations, models

from tenancy.migrating import AtOnce


class Migration(AtOnce):
    """Three indexes."""

    dependencies = [("billing", "0024_balances")]

    operations = [
        migrations.AddIndex(
            model_name="quote",
            index=models.Index(fields=["tenant", "valid_until", "id"], name="billing_quote_valid"),
        ),
        migrations.AddIndex(
            model_name="quote",
            index=models.Index(fields=["tenant", "total_minor", "id"], name="billing_quote_total"),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(fields=["tenant", "next_on", "id"], name="billing_subscription_next"),
        ),
    ]
