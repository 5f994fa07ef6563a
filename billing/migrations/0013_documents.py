"""What electronic invoices ask for, the logo, and the archive of documents as they were handed out."""

import django.db.models.deletion
from django.db import migrations, models

import billing.issuer.rules
import core.ids
import crypto.fields.encrypted
import crypto.fields.index
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import REKEY_ROLE, TenantTable, envelope_check

_ENCRYPTED = {
    "billing_customer": ("endpoint_id", "buyer_reference"),
    "billing_issuer": ("endpoint_id", "contact_name", "registration"),
}
_LOGO = (
    "ALTER TABLE billing_issuer ADD CONSTRAINT billing_issuer_logo_id_tfk FOREIGN KEY (tenant_id, logo_id) "
    "REFERENCES outbound_storedfile (tenant_id, id) ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED"
)
_KEPT = """
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON billing_documentfile
    FOR EACH ROW WHEN (current_user <> 'strongbox_rekey') EXECUTE FUNCTION billing_ledger_appends();
CREATE TRIGGER stays BEFORE TRUNCATE ON billing_documentfile EXECUTE FUNCTION billing_ledger_appends();
"""
_UNKEPT = "DROP TRIGGER stays ON billing_documentfile; DROP TRIGGER frozen ON billing_documentfile;"


def _envelopes(table: str, columns: tuple[str, ...]) -> list[migrations.RunSQL]:
    """Let nothing but envelopes into these columns, and let the role that changes keys rewrite them."""
    quoted = ", ".join(f'"{column}"' for column in columns)
    checks = [migrations.RunSQL(*envelope_check(table, column)) for column in columns]
    return [
        *checks,
        migrations.RunSQL(
            f'GRANT UPDATE ({quoted}) ON "{table}" TO {REKEY_ROLE}',
            f'REVOKE UPDATE ({quoted}) ON "{table}" FROM {REKEY_ROLE}',
        ),
    ]


class Migration(AtOnce):
    """Follows its neighbour; needs files."""

    dependencies = [
        ("billing", "0012_books"),
        ("outbound", "0003_webhooks"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="DocumentFile",
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
                            ("pdf", "PDF"),
                            ("facturx", "Factur-X"),
                            ("ubl", "UBL"),
                            ("cii", "CII"),
                            ("xrechnung", "XRechnung"),
                        ],
                        max_length=16,
                    ),
                ),
                ("sha256", crypto.fields.encrypted.EncryptedTextField(purpose="documents")),
                (
                    "content_index",
                    crypto.fields.index.BlindIndexField(
                        normalize=billing.issuer.rules.as_written, source="sha256"
                    ),
                ),
                ("valid", models.BooleanField()),
                ("problems", crypto.fields.encrypted.EncryptedJSONField(null=True, purpose="documents")),
                ("made_at", models.DateTimeField()),
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
                    "file",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="outbound.storedfile",
                    ),
                ),
                (
                    "credit_note",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.creditnote",
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
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
                "indexes": [
                    models.Index(fields=["tenant", "invoice", "-id"], name="billing_documentfile_invoice"),
                    models.Index(fields=["tenant", "credit_note", "-id"], name="billing_documentfile_note"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "invoice", "kind", "content_index"),
                        name="billing_documentfile_once",
                    ),
                    models.UniqueConstraint(
                        fields=("tenant", "credit_note", "kind", "content_index"),
                        name="billing_documentfile_once_note",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("credit_note__isnull", True), ("invoice__isnull", False)),
                            models.Q(("credit_note__isnull", False), ("invoice__isnull", True)),
                            _connector="OR",
                        ),
                        name="billing_documentfile_of_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["pdf", "facturx", "ubl", "cii", "xrechnung"])),
                        name="billing_documentfile_kind",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="customer",
            name="buyer_reference",
            field=crypto.fields.encrypted.EncryptedTextField(null=True, subject="self"),
        ),
        migrations.AddField(
            model_name="customer",
            name="einvoice_format",
            field=models.CharField(
                choices=[
                    ("none", "PDF only"),
                    ("facturx", "Factur-X (PDF with the invoice as XML in it)"),
                    ("xrechnung", "XRechnung (XML for German public bodies)"),
                    ("ubl", "UBL (XML, Peppol BIS Billing)"),
                    ("cii", "CII (XML, UN/CEFACT)"),
                ],
                default="none",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="endpoint_id",
            field=crypto.fields.encrypted.EncryptedTextField(null=True, subject="self"),
        ),
        migrations.AddField(
            model_name="customer",
            name="endpoint_scheme",
            field=models.CharField(blank=True, default="", max_length=4),
        ),
        migrations.AddField(
            model_name="issuer",
            name="contact_name",
            field=crypto.fields.encrypted.EncryptedTextField(null=True),
        ),
        migrations.AddField(
            model_name="issuer",
            name="endpoint_id",
            field=crypto.fields.encrypted.EncryptedTextField(null=True),
        ),
        migrations.AddField(
            model_name="issuer",
            name="endpoint_scheme",
            field=models.CharField(blank=True, default="", max_length=4),
        ),
        migrations.AddField(
            model_name="issuer",
            name="language",
            field=models.CharField(default="en", max_length=8),
        ),
        migrations.AddField(
            model_name="issuer",
            name="registration",
            field=crypto.fields.encrypted.EncryptedTextField(null=True),
        ),
        migrations.AddField(
            model_name="issuer",
            name="logo",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="outbound.storedfile",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(("einvoice_format__in", ["none", "facturx", "xrechnung", "ubl", "cii"])),
                name="billing_customer_einvoice",
            ),
        ),
        TenantTable(
            "DocumentFile",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("invoice_id", "billing.Invoice", "RESTRICT"),
                ("credit_note_id", "billing.CreditNote", "RESTRICT"),
                ("file_id", "outbound.StoredFile", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT",
            encrypted=("sha256", "problems"),
        ),
        migrations.RunSQL(_KEPT, _UNKEPT),
        migrations.RunSQL(_LOGO, "ALTER TABLE billing_issuer DROP CONSTRAINT billing_issuer_logo_id_tfk"),
        *[each for table, columns in _ENCRYPTED.items() for each in _envelopes(table, columns)],
    ]
