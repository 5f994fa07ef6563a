"""A refund names the credit note that says why it went back."""

import django.db.models.deletion
from django.db import migrations, models

from tenancy.migrating import AtOnce


class Migration(AtOnce):
    """Needs credit notes."""

    dependencies = [("billing", "0008_credit_notes"), ("payments", "0004_notes_and_autopay")]

    operations = [
        migrations.AddField(
            model_name="refund",
            name="credit_note",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="billing.creditnote",
            ),
        ),
        migrations.AddField(
            model_name="refund", name="promised_minor", field=models.BigIntegerField(default=0)
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("credit_note__isnull", True), ("promised_minor", 0)),
                    models.Q(
                        ("credit_note__isnull", False),
                        ("promised_minor__gt", 0),
                        ("promised_minor__lte", models.F("amount_minor")),
                    ),
                    _connector="OR",
                ),
                name="payments_refund_promised",
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("credit_note__isnull", False)),
                fields=["tenant", "credit_note"],
                name="payments_refund_creditnote",
            ),
        ),
        migrations.RunSQL(
            "ALTER TABLE payments_refund ADD CONSTRAINT payments_refund_credit_note_id_tfk "
            "FOREIGN KEY (tenant_id, credit_note_id) REFERENCES billing_creditnote (tenant_id, id) "
            "ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED",
            "ALTER TABLE payments_refund DROP CONSTRAINT payments_refund_credit_note_id_tfk",
        ),
    ]
