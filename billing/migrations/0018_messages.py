"""Messages about invoices: between a customer and the organization, written once and never changed."""

import django.db.models.deletion
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable


class Migration(AtOnce):
    """One table; the app inserts and reads, and changes nothing."""

    dependencies = [("billing", "0016_personal_data"), ("tenancy", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="InvoiceMessage",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("question", "Question"),
                            ("objection", "Objection"),
                            ("answer", "Answer"),
                        ],
                        max_length=16,
                    ),
                ),
                ("text", crypto.fields.encrypted.EncryptedTextField(subject="customer")),
                ("author_id", models.UUIDField()),
                ("at", models.DateTimeField()),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.customer",
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="billing.invoice",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        default=tenancy.context.current_tenant,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenancy.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [models.Index(fields=["tenant", "invoice"], name="billing_invoicemessage_of")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["question", "objection", "answer"])),
                        name="billing_invoicemessage_kind",
                    )
                ],
            },
        ),
        TenantTable(
            "InvoiceMessage",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("invoice_id", "billing.Invoice", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT",
            encrypted=["text"],
        ),
    ]
