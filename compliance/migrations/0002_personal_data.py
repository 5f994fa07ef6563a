"""Requests of the persons behind the data, retention, breaches, closing."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import APP_ROLE, TenantTable, context_value

# A customer of the portal sees none of it.
_NOBODYS = "NULL::uuid"
_OF_STAFF = (
    f"CASE WHEN {context_value('customer', required=False)} IS NULL "
    f"THEN tenant_id = {context_value('tenant', required=False)} ELSE false END"
)
# Who had access to a portal is forgotten with the customer, by staff alone.
_ACCESS = f"""
GRANT DELETE ON accounts_portalaccess TO {APP_ROLE};
GRANT DELETE ON tenancy_job, billing_export, billing_import TO {APP_ROLE};
CREATE POLICY staff_forgets ON accounts_portalaccess AS RESTRICTIVE FOR DELETE TO {APP_ROLE}
    USING ({_OF_STAFF});
"""
_NO_ACCESS = f"""
DROP POLICY staff_forgets ON accounts_portalaccess;
REVOKE DELETE ON accounts_portalaccess, tenancy_job, billing_export, billing_import FROM {APP_ROLE};
"""


class Migration(AtOnce):
    """Needs customers, files and accounts."""

    dependencies = [
        ("billing", "0016_personal_data"),
        ("compliance", "0001_initial"),
        ("outbound", "0003_webhooks"),
        ("tenancy", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Breach",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("title", crypto.fields.encrypted.EncryptedTextField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("confidentiality", "Somebody saw it who should not have"),
                            ("integrity", "It was changed"),
                            ("availability", "It could not be reached or was lost"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "risk",
                    models.CharField(
                        choices=[
                            ("unknown", "Not known yet"),
                            ("unlikely", "Unlikely to harm anybody"),
                            ("risk", "A risk: the authority is told"),
                            ("high", "A high risk: the people are told as well"),
                        ],
                        default="unknown",
                        max_length=16,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("closed", "Closed")], default="open", max_length=16
                    ),
                ),
                ("began_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("aware_at", models.DateTimeField()),
                ("authority_due_at", models.DateTimeField()),
                ("people_due_at", models.DateTimeField()),
                ("authority_told_at", models.DateTimeField(null=True)),
                ("people_told_at", models.DateTimeField(null=True)),
                ("actor_id", models.UUIDField(null=True)),
                ("key_id", models.UUIDField(null=True)),
                ("session_id", models.UUIDField(null=True)),
                ("customers_affected", models.PositiveIntegerField(null=True)),
                ("due_soon_at", models.DateTimeField(null=True)),
                ("opened_by", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                ("closed_by", models.UUIDField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
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
                "indexes": [models.Index(fields=["tenant", "-id"], name="compliance_breach_list")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at__isnull", True), ("state", "open")),
                            models.Q(
                                ("closed_at__isnull", False),
                                ("state", "closed"),
                                models.Q(("risk", "unknown"), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="compliance_breach_closed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["confidentiality", "integrity", "availability"]),
                            ("risk__in", ["unknown", "unlikely", "risk", "high"]),
                        ),
                        name="compliance_breach_words",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BreachNote",
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
                            ("fact", "What happened"),
                            ("effect", "What it means for people"),
                            ("action", "What was done about it"),
                            ("authority", "What the authority was told"),
                            ("people", "What the people were told"),
                            ("closing", "Why it is closed"),
                        ],
                        max_length=16,
                    ),
                ),
                ("text", crypto.fields.encrypted.EncryptedTextField()),
                ("written_by", models.UUIDField(null=True)),
                ("at", models.DateTimeField()),
                (
                    "breach",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notes",
                        to="compliance.breach",
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
                "indexes": [models.Index(fields=["tenant", "breach", "id"], name="compliance_breachnote_of")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["fact", "effect", "action", "authority", "people", "closing"])
                        ),
                        name="compliance_breachnote_kind",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Closing",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("holding", "Holding"), ("canceled", "Canceled"), ("closed", "Closed")],
                        default="holding",
                        max_length=16,
                    ),
                ),
                ("asked_by", models.UUIDField(null=True)),
                ("asked_at", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("digest", models.CharField(blank=True, default="", max_length=64)),
                ("canceled_by", models.UUIDField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("certificate", models.JSONField(null=True)),
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
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "holding")),
                        fields=("tenant",),
                        name="compliance_closing_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("state", "holding")),
                            models.Q(("ended_at__isnull", False), ("state", "canceled")),
                            models.Q(
                                ("certificate__isnull", False),
                                ("ended_at__isnull", False),
                                ("state", "closed"),
                            ),
                            _connector="OR",
                        ),
                        name="compliance_closing_states",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LegalHold",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("reason", crypto.fields.encrypted.EncryptedTextField()),
                ("placed_by", models.UUIDField(null=True)),
                ("placed_at", models.DateTimeField()),
                ("lifted_by", models.UUIDField(null=True)),
                ("lifted_at", models.DateTimeField(null=True)),
                ("lifting_reason", crypto.fields.encrypted.EncryptedTextField(null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
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
                "indexes": [models.Index(fields=["tenant", "-id"], name="compliance_legalhold_list")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("lifted_at__isnull", True)),
                        fields=("tenant", "customer"),
                        name="compliance_legalhold_one",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("lifted_at__isnull", True), ("lifting_reason__isnull", True)),
                            models.Q(("lifted_at__isnull", False), ("lifting_reason__isnull", False)),
                            _connector="OR",
                        ),
                        name="compliance_legalhold_lifted",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PrivacyRequest",
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
                            ("access", "A copy of their data"),
                            ("portability", "Their data for another provider"),
                            ("rectification", "Correction"),
                            ("erasure", "Erasure"),
                            ("restriction", "Restriction"),
                            ("objection", "Objection"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("received", "Received"),
                            ("verified", "Verified"),
                            ("answered", "Answered"),
                            ("refused", "Refused"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="received",
                        max_length=16,
                    ),
                ),
                ("name", crypto.fields.encrypted.EncryptedTextField(null=True, subject="customer")),
                ("email", crypto.fields.encrypted.EncryptedTextField(null=True, subject="customer")),
                ("words", crypto.fields.encrypted.EncryptedTextField(null=True, subject="customer")),
                ("by_portal", models.BooleanField(default=False)),
                (
                    "identity",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Not checked"),
                            ("portal", "Signed in to the portal with a second factor"),
                            ("known_address", "Answered a message to the address we already had"),
                            ("called_back", "Called back on the number we already had"),
                            ("document", "Showed a document (no copy is kept)"),
                            ("in_person", "Known in person"),
                        ],
                        default="",
                        max_length=16,
                    ),
                ),
                ("identity_by", models.UUIDField(null=True)),
                ("identity_at", models.DateTimeField(null=True)),
                ("received_on", models.DateField()),
                ("due_on", models.DateField()),
                ("extended_at", models.DateTimeField(null=True)),
                (
                    "extension_reason",
                    crypto.fields.encrypted.EncryptedTextField(null=True, subject="customer"),
                ),
                (
                    "refusal",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Not refused"),
                            ("identity_not_proved", "Who asks could not be established"),
                            ("nothing_held", "Nothing is held about this person"),
                            ("unfounded", "Manifestly unfounded or excessive"),
                            ("kept_by_law", "The law demands that it is kept"),
                            ("legal_claims", "Needed for legal claims"),
                            ("rights_of_others", "It would harm the rights of others"),
                        ],
                        default="",
                        max_length=24,
                    ),
                ),
                ("answer", crypto.fields.encrypted.EncryptedTextField(null=True, subject="customer")),
                ("outcome", models.JSONField(blank=True, default=dict)),
                ("job_id", models.UUIDField(null=True)),
                ("due_soon_at", models.DateTimeField(null=True)),
                ("opened_by", models.UUIDField(null=True)),
                ("ended_by", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "contact",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.contact",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
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
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(fields=["tenant", "-id"], name="compliance_prq_list"),
                    models.Index(
                        condition=models.Q(("state__in", ["received", "verified"])),
                        fields=["tenant", "due_on"],
                        name="compliance_prq_due",
                    ),
                    models.Index(fields=["tenant", "customer"], name="compliance_prq_customer"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "access",
                                    "portability",
                                    "rectification",
                                    "erasure",
                                    "restriction",
                                    "objection",
                                ],
                            ),
                            ("state__in", ["received", "verified", "answered", "refused", "withdrawn"]),
                        ),
                        name="compliance_privacyrequest_words",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["verified", "answered"]), _negated=True),
                            models.Q(
                                ("identity_at__isnull", False), models.Q(("identity", ""), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="compliance_privacyrequest_identity",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "refused"), models.Q(("refusal", ""), _negated=True)),
                            models.Q(models.Q(("state", "refused"), _negated=True), ("refusal", "")),
                            _connector="OR",
                        ),
                        name="compliance_privacyrequest_refusal",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("state__in", ["received", "verified"])),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("state__in", ["answered", "refused", "withdrawn"]),
                            ),
                            _connector="OR",
                        ),
                        name="compliance_privacyrequest_end",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ErasureEntry",
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
                        choices=[("customer", "Customer"), ("contact", "Contact"), ("user", "User")],
                        max_length=16,
                    ),
                ),
                ("subject_id", models.UUIDField()),
                (
                    "also",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), blank=True, default=list, size=None
                    ),
                ),
                ("erased", models.JSONField(blank=True, default=dict)),
                ("kept", models.JSONField(blank=True, default=dict)),
                ("is_replay", models.BooleanField(default=False)),
                ("erased_by", models.UUIDField(null=True)),
                ("at", models.DateTimeField()),
                ("journalled_at", models.DateTimeField(null=True)),
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
                (
                    "request",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="compliance.privacyrequest",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(fields=["tenant", "-id"], name="compliance_erasure_list"),
                    models.Index(fields=["tenant", "subject_id"], name="compliance_erasure_subject"),
                    models.Index(
                        condition=models.Q(("journalled_at__isnull", True)),
                        fields=["tenant", "at"],
                        name="compliance_erasure_unwritten",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["customer", "contact", "user"])),
                        name="compliance_erasure_kind",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RetentionRun",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField()),
                ("started_by", models.UUIDField(null=True)),
                ("removed", models.PositiveBigIntegerField(default=0)),
                ("held", models.PositiveBigIntegerField(default=0)),
                ("failed", models.PositiveIntegerField(default=0)),
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
                "indexes": [models.Index(fields=["tenant", "-id"], name="compliance_retentionrun_list")],
            },
        ),
        migrations.CreateModel(
            name="Shredding",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("rule", models.CharField(max_length=48)),
                ("cutoff", models.DateTimeField()),
                ("removed", models.PositiveBigIntegerField(default=0)),
                ("held", models.PositiveBigIntegerField(default=0)),
                ("code", models.CharField(blank=True, default="", max_length=48)),
                (
                    "run",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="shreddings",
                        to="compliance.retentionrun",
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
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "run", "rule"), name="compliance_shredding_once"
                    )
                ],
            },
        ),
        TenantTable(
            "PrivacyRequest",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("contact_id", "billing.Contact", "RESTRICT"),
                ("file_id", "outbound.StoredFile", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT, UPDATE",
            encrypted=["name", "email", "words", "extension_reason", "answer"],
        ),
        TenantTable(
            "ErasureEntry",
            fks=[("request_id", "compliance.PrivacyRequest", "RESTRICT")],
            customer=_NOBODYS,
            grants="SELECT, INSERT, UPDATE (journalled_at)",
        ),
        TenantTable(
            "LegalHold",
            fks=[("customer_id", "billing.Customer", "RESTRICT")],
            customer=_NOBODYS,
            grants="SELECT, INSERT, UPDATE (lifted_by, lifted_at, lifting_reason)",
            encrypted=["reason", "lifting_reason"],
        ),
        TenantTable("RetentionRun", customer=_NOBODYS, grants="SELECT, INSERT"),
        TenantTable(
            "Shredding",
            fks=[("run_id", "compliance.RetentionRun", "RESTRICT")],
            customer=_NOBODYS,
            grants="SELECT, INSERT",
        ),
        TenantTable("Breach", customer=_NOBODYS, grants="SELECT, INSERT, UPDATE", encrypted=["title"]),
        TenantTable(
            "BreachNote",
            fks=[("breach_id", "compliance.Breach", "RESTRICT")],
            customer=_NOBODYS,
            grants="SELECT, INSERT",
            encrypted=["text"],
        ),
        TenantTable(
            "Closing",
            fks=[("file_id", "outbound.StoredFile", "RESTRICT")],
            customer=_NOBODYS,
            grants="SELECT, INSERT, UPDATE",
        ),
        migrations.RunSQL(_ACCESS, _NO_ACCESS),
    ]
