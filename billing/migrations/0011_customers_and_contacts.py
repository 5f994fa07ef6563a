"""Contacts, addresses and terms of customers, evidence about their tax ids, imports and exports."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import billing.customers.rules
import core.ids
import crypto.fields.encrypted
import crypto.fields.index
import crypto.fields.subject
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import APP_ROLE, REKEY_ROLE, TenantTable, context_value, envelope_check

_IN_NO_CUSTOMERS_SCOPE = (
    f"CASE WHEN {context_value('customer', required=False)} IS NULL THEN true ELSE false END"
)
_ADDED = envelope_check("billing_customer", "delivery_address")
_EVIDENCE = """
CREATE FUNCTION billing_taxidcheck_stays() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    envelopes text[] := ARRAY['tax_id', 'requester', 'consultation', 'trader_name', 'trader_address'];
BEGIN
    -- Whoever changes keys rewrites the envelopes and nothing else; everybody else, nothing.
    IF TG_OP = 'UPDATE' AND current_user = 'strongbox_rekey'
       AND (to_jsonb(OLD) - envelopes) IS NOT DISTINCT FROM (to_jsonb(NEW) - envelopes) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
REVOKE ALL ON FUNCTION billing_taxidcheck_stays() FROM PUBLIC;
CREATE TRIGGER appends BEFORE UPDATE OR DELETE ON billing_taxidcheck
    FOR EACH ROW EXECUTE FUNCTION billing_taxidcheck_stays();
CREATE TRIGGER stays BEFORE TRUNCATE ON billing_taxidcheck EXECUTE FUNCTION billing_ledger_appends();
"""
_NO_EVIDENCE = """
DROP TRIGGER stays ON billing_taxidcheck;
DROP TRIGGER appends ON billing_taxidcheck;
DROP FUNCTION billing_taxidcheck_stays();
"""

_TAKEN_BACK = f"""
CREATE FUNCTION billing_customer_stays() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF OLD.import_id IS NULL OR OLD.updated_at <> OLD.created_at OR OLD.created_at < now() - interval '50 hours' THEN
        RAISE EXCEPTION 'customer % stays', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
REVOKE ALL ON FUNCTION billing_customer_stays() FROM PUBLIC;
CREATE TRIGGER stays BEFORE DELETE ON billing_customer FOR EACH ROW EXECUTE FUNCTION billing_customer_stays();
CREATE POLICY no_customer_goes ON billing_customer AS RESTRICTIVE FOR DELETE TO {APP_ROLE}
    USING ({_IN_NO_CUSTOMERS_SCOPE});
GRANT DELETE ON billing_customer TO {APP_ROLE};
"""
_NOT_TAKEN_BACK = f"""
REVOKE DELETE ON billing_customer FROM {APP_ROLE};
DROP POLICY no_customer_goes ON billing_customer;
DROP TRIGGER stays ON billing_customer;
DROP FUNCTION billing_customer_stays();
"""


def _points(column: str, table: str) -> migrations.RunSQL:
    name = f"billing_customer_{column}_tfk"
    return migrations.RunSQL(
        f"ALTER TABLE billing_customer ADD CONSTRAINT {name} FOREIGN KEY (tenant_id, {column}) "
        f"REFERENCES {table} (tenant_id, id) ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED",
        f"ALTER TABLE billing_customer DROP CONSTRAINT {name}",
    )


def _unreadable_for_customers(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE POLICY customer ON {table} AS RESTRICTIVE TO {APP_ROLE} "
        f"USING ({_IN_NO_CUSTOMERS_SCOPE}) WITH CHECK ({_IN_NO_CUSTOMERS_SCOPE})",
        f"DROP POLICY customer ON {table}",
    )


class Migration(AtOnce):
    """Needs customers and the encrypted files."""

    dependencies = [
        ("billing", "0010_billing_runs"),
        ("outbound", "0003_webhooks"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="customer",
            name="delivery_address",
            field=crypto.fields.encrypted.EncryptedJSONField(null=True, subject="self"),
        ),
        migrations.AddField(
            model_name="customer",
            name="import_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="language",
            field=models.CharField(
                blank=True, choices=[("de", "Deutsch"), ("en", "English")], default="", max_length=2
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="merged_into",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="merged_from",
                to="billing.customer",
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="parent",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="children",
                to="billing.customer",
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="payment_days",
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="tax_id_due_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="tax_id_state",
            field=models.CharField(
                choices=[
                    ("unchecked", "Unchecked"),
                    ("pending", "Pending"),
                    ("valid", "Valid"),
                    ("invalid", "Invalid"),
                    ("unavailable", "Unavailable"),
                ],
                default="unchecked",
                max_length=16,
            ),
        ),
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(
                condition=models.Q(("parent__isnull", False)),
                fields=["tenant", "parent"],
                name="billing_customer_parent",
            ),
        ),
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(
                condition=models.Q(("merged_into__isnull", False)),
                fields=["tenant", "merged_into"],
                name="billing_customer_merged_from",
            ),
        ),
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(
                condition=models.Q(("import_id__isnull", False)),
                fields=["tenant", "import_id"],
                name="billing_customer_import",
            ),
        ),
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(
                condition=models.Q(("tax_id_due_at__isnull", False)),
                fields=["tenant", "tax_id_due_at"],
                name="billing_customer_tax_id_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("language__in", ["", "de", "en"]), ("payment_days__isnull", True)),
                    models.Q(("language__in", ["", "de", "en"]), ("payment_days__lte", 365)),
                    _connector="OR",
                ),
                name="billing_customer_terms",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("tax_id_state__in", ["pending", "unavailable"]),
                    models.Q(
                        ("tax_id_due_at__isnull", True),
                        ("tax_id_state__in", ["unchecked", "valid", "invalid"]),
                    ),
                    _connector="OR",
                ),
                name="billing_customer_tax_id_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(("merged_into__isnull", True), ("state", "archived"), _connector="OR"),
                name="billing_customer_merged",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("parent__isnull", True),
                        models.Q(("parent", models.F("id")), _negated=True),
                        _connector="OR",
                    ),
                    models.Q(
                        ("merged_into__isnull", True),
                        models.Q(("merged_into", models.F("id")), _negated=True),
                        _connector="OR",
                    ),
                ),
                name="billing_customer_not_its_own",
            ),
        ),
        migrations.CreateModel(
            name="Contact",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("subject_key", crypto.fields.subject.SubjectKeyField()),
                ("name", crypto.fields.encrypted.EncryptedTextField(subject="self")),
                ("email", crypto.fields.encrypted.EncryptedTextField(null=True, subject="self")),
                (
                    "email_index",
                    crypto.fields.index.BlindIndexField(
                        normalize=billing.customers.rules.normalize_email, null=True, source="email"
                    ),
                ),
                ("phone", crypto.fields.encrypted.EncryptedTextField(null=True, subject="self")),
                ("position", crypto.fields.encrypted.EncryptedTextField(null=True, subject="self")),
                (
                    "roles",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=16), blank=True, default=list, size=None
                    ),
                ),
                ("is_primary", models.BooleanField(default=False)),
                (
                    "language",
                    models.CharField(
                        blank=True, choices=[("de", "Deutsch"), ("en", "English")], default="", max_length=2
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "Active"), ("former", "Former")], default="active", max_length=16
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="contacts",
                        to="billing.customer",
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
                    models.Index(fields=["tenant", "customer"], name="billing_contact_customer"),
                    models.Index(fields=["tenant", "email_index"], name="billing_contact_email"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_primary", True)),
                        fields=("tenant", "customer"),
                        name="billing_contact_one_primary",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "active"),
                            models.Q(("is_primary", False), ("state", "former")),
                            _connector="OR",
                        ),
                        name="billing_contact_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "roles__contained_by",
                                ["billing", "reminders", "receipts", "statements", "delivery"],
                            )
                        ),
                        name="billing_contact_roles",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Export",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("kind", models.CharField(max_length=32)),
                (
                    "format",
                    models.CharField(choices=[("csv", "CSV"), ("xlsx", "Excel (XLSX)")], max_length=8),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("ready", "Ready"),
                            ("expired", "Expired"),
                            ("deleted", "Deleted"),
                            ("declined", "Declined"),
                            ("failed", "Failed"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "columns",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), size=None
                    ),
                ),
                ("has_personal", models.BooleanField()),
                ("filters", crypto.fields.encrypted.EncryptedJSONField(null=True)),
                ("reason", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("rows_expected", models.PositiveIntegerField()),
                ("rows", models.PositiveIntegerField(default=0)),
                ("digest", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("approval_id", models.UUIDField(null=True)),
                ("job_id", models.UUIDField(null=True)),
                ("code", models.CharField(blank=True, default="", max_length=64)),
                ("asked_by", models.UUIDField(null=True)),
                ("asked_key", models.UUIDField(null=True)),
                ("asked_at", models.DateTimeField()),
                ("ready_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                ("downloads", models.PositiveIntegerField(default=0)),
                (
                    "file",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="outbound.storedfile",
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
                    models.Index(fields=["tenant", "-id"], name="billing_export_newest"),
                    models.Index(
                        condition=models.Q(("state", "ready")),
                        fields=["tenant", "expires_at"],
                        name="billing_export_expiry",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("digest__isnull", False),
                                ("expires_at__isnull", False),
                                ("file__isnull", False),
                                ("ready_at__isnull", False),
                                ("state", "ready"),
                            ),
                            (
                                "state__in",
                                ["waiting", "queued", "running", "expired", "deleted", "declined", "failed"],
                            ),
                            _connector="OR",
                        ),
                        name="billing_export_state",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ExportFreeze",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("frozen", models.BooleanField()),
                ("reason", crypto.fields.encrypted.EncryptedTextField()),
                ("turned_by", models.UUIDField(null=True)),
                ("turned_at", models.DateTimeField()),
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
                "indexes": [models.Index(fields=["tenant", "-id"], name="billing_exportfreeze_newest")],
            },
        ),
        migrations.CreateModel(
            name="Import",
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
                        choices=[("customers", "Customers")], default="customers", max_length=16
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("uploaded", "Uploaded"),
                            ("checking", "Checking"),
                            ("checked", "Checked"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("undone", "Undone"),
                            ("dropped", "Dropped"),
                        ],
                        default="uploaded",
                        max_length=16,
                    ),
                ),
                ("heads", crypto.fields.encrypted.EncryptedJSONField()),
                ("mapping", crypto.fields.encrypted.EncryptedJSONField()),
                ("refused_first", crypto.fields.encrypted.EncryptedJSONField(null=True)),
                ("rows", models.PositiveIntegerField(default=0)),
                ("ready", models.PositiveIntegerField(default=0)),
                ("refused", models.PositiveIntegerField(default=0)),
                ("created", models.PositiveIntegerField(default=0)),
                ("position", models.PositiveIntegerField(default=0)),
                ("stayed", models.PositiveIntegerField(default=0)),
                ("code", models.CharField(blank=True, default="", max_length=64)),
                ("job_id", models.UUIDField(null=True)),
                ("created_by", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                ("done_at", models.DateTimeField(null=True)),
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
                    "refused_file",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="outbound.storedfile",
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
                "indexes": [models.Index(fields=["tenant", "-id"], name="billing_import_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["customers"]),
                            (
                                "state__in",
                                [
                                    "uploaded",
                                    "checking",
                                    "checked",
                                    "running",
                                    "done",
                                    "failed",
                                    "undone",
                                    "dropped",
                                ],
                            ),
                        ),
                        name="billing_import_state",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TaxIdCheck",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("tax_id", crypto.fields.encrypted.EncryptedTextField()),
                ("requester", crypto.fields.encrypted.EncryptedTextField(null=True)),
                (
                    "result",
                    models.CharField(
                        choices=[("valid", "Valid"), ("invalid", "Invalid"), ("unavailable", "Unavailable")],
                        max_length=16,
                    ),
                ),
                ("consultation", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("trader_name", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("trader_address", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("fault", models.CharField(blank=True, default="", max_length=40)),
                ("asked_by", models.UUIDField(null=True)),
                ("asked_at", models.DateTimeField()),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tax_id_checks",
                        to="billing.customer",
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
                    models.Index(fields=["tenant", "customer", "-asked_at"], name="billing_taxidcheck_newest")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("fault", ""), ("result__in", ["valid", "invalid"])),
                            models.Q(("result", "unavailable"), models.Q(("fault", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="billing_taxidcheck_result",
                    )
                ],
            },
        ),
        TenantTable(
            "Contact",
            fks=[("customer_id", "billing.Customer", "RESTRICT")],
            customer="customer_id",
            encrypted=["subject_key", "name", "email", "phone", "position"],
        ),
        TenantTable(
            "TaxIdCheck",
            fks=[("customer_id", "billing.Customer", "RESTRICT")],
            customer="customer_id",
            grants="SELECT, INSERT",
            encrypted=["tax_id", "requester", "consultation", "trader_name", "trader_address"],
        ),
        TenantTable(
            "Import",
            fks=[
                ("file_id", "outbound.StoredFile", "RESTRICT"),
                ("refused_file_id", "outbound.StoredFile", "RESTRICT"),
            ],
            grants="SELECT, INSERT, UPDATE",
            encrypted=["heads", "mapping", "refused_first"],
        ),
        TenantTable(
            "Export",
            fks=[("file_id", "outbound.StoredFile", "RESTRICT")],
            grants="SELECT, INSERT, UPDATE",
            encrypted=["filters", "reason", "digest"],
        ),
        TenantTable("ExportFreeze", grants="SELECT, INSERT", encrypted=["reason"]),
        _unreadable_for_customers("billing_import"),
        _unreadable_for_customers("billing_export"),
        _unreadable_for_customers("billing_exportfreeze"),
        migrations.RunSQL(_EVIDENCE, _NO_EVIDENCE),
        migrations.RunSQL(_ADDED[0], _ADDED[1]),
        migrations.RunSQL(
            f"GRANT UPDATE (delivery_address) ON billing_customer TO {REKEY_ROLE}",
            f"REVOKE UPDATE (delivery_address) ON billing_customer FROM {REKEY_ROLE}",
        ),
        # A customer never goes but with the import that brought them, within its day, and untouched.
        migrations.RunSQL(_TAKEN_BACK, _NOT_TAKEN_BACK),
        _points("parent_id", "billing_customer"),
        _points("merged_into_id", "billing_customer"),
        _points("import_id", "billing_import"),
    ]
