"""Payments in the order of what their list says of them: the amount, and the day."""

from django.db import migrations, models
from django.db.models import DateField, F, Func
from django.db.models.functions import Coalesce

from tenancy.migrating import AtOnce

_IN_UTC = "(%(expressions)s AT TIME ZONE 'UTC')::date"


class Migration(AtOnce):
    """Two indexes."""

    dependencies = [("payments", "0006_holds")]

    operations = [
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                F("tenant"),
                Coalesce(Func(F("captured_minor"), template="NULLIF(%(expressions)s, 0)"), F("amount_minor")),
                F("id"),
                name="payments_payment_shown_minor",
            ),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                F("tenant"),
                Coalesce(
                    F("received_on"),
                    Func(F("succeeded_at"), template=_IN_UTC, output_field=DateField()),
                    Func(F("created_at"), template=_IN_UTC, output_field=DateField()),
                ),
                F("id"),
                name="payments_payment_shown_on",
            ),
        ),
    ]
