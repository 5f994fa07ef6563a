"""The tables of payments and the walls around each."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable


class Migration(AtOnce):
    """Needs what is owed."""

    initial = True

    dependencies = [("billing", "0004_settlement"), ("tenancy", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="GatewayAccount",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("provider", models.CharField(max_length=20)),
                (
                    "state",
                    models.CharField(
                        choices=[("connected", "Connected"), ("disconnected", "Disconnected")],
                        default="connected",
                        max_length=16,
                    ),
                ),
                ("livemode", models.BooleanField()),
                ("secret_key", crypto.fields.encrypted.EncryptedTextField(purpose="webhooks")),
                ("secret_key_last4", models.CharField(max_length=4)),
                ("hook_secret", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="webhooks")),
                (
                    "previous_hook_secret",
                    crypto.fields.encrypted.EncryptedTextField(null=True, purpose="webhooks"),
                ),
                ("hook_reference", models.CharField(blank=True, default="", max_length=80)),
                ("hook_digest", models.BinaryField()),
                ("connected_by", models.UUIDField(null=True)),
                ("connected_at", models.DateTimeField()),
                ("last_hook_at", models.DateTimeField(null=True)),
                ("last_call_at", models.DateTimeField(null=True)),
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
                        condition=models.Q(("state", "connected")),
                        fields=("tenant", "provider"),
                        name="payments_gatewayaccount_one",
                    ),
                    models.UniqueConstraint(
                        fields=("tenant", "hook_digest"), name="payments_gatewayaccount_hook"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="GatewayCustomer",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("reference", models.CharField(max_length=80)),
                ("created_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.gatewayaccount",
                    ),
                ),
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
                        fields=("tenant", "account", "customer"), name="payments_gatewaycustomer_one"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="HookReceipt",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("event_reference", models.CharField(max_length=80)),
                ("event_type", models.CharField(max_length=80)),
                ("object_reference", models.CharField(max_length=80)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("received", "Received"),
                            ("applied", "Applied"),
                            ("ignored", "Ignored"),
                            ("failed", "Failed"),
                        ],
                        default="received",
                        max_length=16,
                    ),
                ),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("next_try_at", models.DateTimeField()),
                ("failure", models.CharField(blank=True, default="", max_length=60)),
                ("created_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                ("applied_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.gatewayaccount",
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
                    models.Index(
                        condition=models.Q(("state__in", ["received", "failed"])),
                        fields=["tenant", "next_try_at"],
                        name="payments_hookreceipt_due",
                    ),
                    models.Index(fields=["tenant", "-id"], name="payments_hookreceipt_list"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "account", "event_reference"), name="payments_hookreceipt_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PaymentMethod",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("reference", models.CharField(max_length=80)),
                (
                    "kind",
                    models.CharField(choices=[("card", "Card"), ("sepa_debit", "Sepa Debit")], max_length=16),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "Active"), ("removed", "Removed")],
                        default="active",
                        max_length=16,
                    ),
                ),
                ("is_default", models.BooleanField(default=False)),
                ("brand", models.CharField(max_length=20)),
                ("last4", models.CharField(max_length=4)),
                ("expires_month", models.PositiveSmallIntegerField(null=True)),
                ("expires_year", models.PositiveSmallIntegerField(null=True)),
                ("mandate_text", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="documents")),
                ("agreed_at", models.DateTimeField()),
                ("agreed_by", models.UUIDField(null=True)),
                ("removed_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.gatewayaccount",
                    ),
                ),
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
                "indexes": [models.Index(fields=["tenant", "customer"], name="payments_paymentmethod_list")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "account", "reference"), name="payments_paymentmethod_once"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("is_default", True), ("state", "active")),
                        fields=("tenant", "customer"),
                        name="payments_paymentmethod_default",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Autopay",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("limit_minor", models.BigIntegerField()),
                ("notice_days", models.PositiveSmallIntegerField(default=3)),
                ("mandate_text", crypto.fields.encrypted.EncryptedTextField(purpose="documents")),
                ("agreed_at", models.DateTimeField()),
                ("agreed_by", models.UUIDField()),
                ("ended_at", models.DateTimeField(null=True)),
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
                    "payment_method",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.paymentmethod",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("tenant", "customer", "currency"),
                        name="payments_autopay_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("limit_minor__gt", 0)), name="payments_autopay_limit"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PayLink",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("digest", models.BinaryField()),
                ("created_by", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(null=True)),
                ("opened_at", models.DateTimeField(null=True)),
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
                "indexes": [models.Index(fields=["tenant", "invoice"], name="payments_paylink_invoice")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "digest"), name="payments_paylink_digest")
                ],
            },
        ),
        migrations.CreateModel(
            name="Payment",
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
                        choices=[
                            ("pending", "Pending"),
                            ("processing", "Processing"),
                            ("unknown", "Unknown"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("canceled", "Canceled"),
                            ("held", "Held"),
                            ("reversed", "Reversed"),
                        ],
                        default="pending",
                        max_length=16,
                    ),
                ),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("card", "Card"),
                            ("sepa_debit", "Sepa Debit"),
                            ("bank_transfer", "Bank Transfer"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("pay_link", "Pay Link"),
                            ("portal", "Portal"),
                            ("autopay", "Autopay"),
                            ("staff", "Staff"),
                            ("api", "Api"),
                            ("statement", "Statement"),
                        ],
                        max_length=16,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                ("captured_minor", models.BigIntegerField(default=0)),
                ("refunding_minor", models.BigIntegerField(default=0)),
                ("refunded_minor", models.BigIntegerField(default=0)),
                ("reversed_minor", models.BigIntegerField(default=0)),
                ("reference", models.CharField(blank=True, default="", max_length=80)),
                ("remittance", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="documents")),
                ("failure_code", models.CharField(blank=True, default="", max_length=60)),
                ("brand", models.CharField(blank=True, default="", max_length=20)),
                ("last4", models.CharField(blank=True, default="", max_length=4)),
                ("received_on", models.DateField(null=True)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                ("succeeded_at", models.DateTimeField(null=True)),
                ("receipt_sent_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.gatewayaccount",
                    ),
                ),
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
                    models.Index(fields=["tenant", "-id"], name="payments_payment_list"),
                    models.Index(fields=["tenant", "state", "-id"], name="payments_payment_state"),
                    models.Index(fields=["tenant", "customer", "-id"], name="payments_payment_customer"),
                    models.Index(fields=["tenant", "reference"], name="payments_payment_reference"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount_minor__gt", 0),
                            ("captured_minor__gte", 0),
                            ("refunding_minor__gte", 0),
                            ("refunded_minor__gte", 0),
                            ("reversed_minor__gte", 0),
                            (
                                "captured_minor__gte",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("refunding_minor"), "+", models.F("refunded_minor")
                                    ),
                                    "+",
                                    models.F("reversed_minor"),
                                ),
                            ),
                        ),
                        name="payments_payment_amounts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    "pending",
                                    "processing",
                                    "unknown",
                                    "succeeded",
                                    "failed",
                                    "canceled",
                                    "held",
                                    "reversed",
                                ],
                            )
                        ),
                        name="payments_payment_states",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("captured_minor__gt", 0),
                                ("state__in", ["succeeded", "reversed"]),
                                ("succeeded_at__isnull", False),
                            ),
                            models.Q(
                                models.Q(("state__in", ["succeeded", "reversed"]), _negated=True),
                                ("captured_minor", 0),
                            ),
                            _connector="OR",
                        ),
                        name="payments_payment_captured",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PaymentItem",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                ("amount_minor", models.BigIntegerField()),
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
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.invoice",
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="payments.payment",
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
                "indexes": [models.Index(fields=["tenant", "invoice"], name="payments_paymentitem_invoice")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "payment", "invoice"), name="payments_paymentitem_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor__gt", 0)), name="payments_paymentitem_some"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("created", "Created"),
                            ("open", "Open"),
                            ("requires_action", "Requires Action"),
                            ("processing", "Processing"),
                            ("unknown", "Unknown"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("canceled", "Canceled"),
                            ("held", "Held"),
                        ],
                        default="created",
                        max_length=16,
                    ),
                ),
                ("save_method", models.BooleanField(default=False)),
                ("checkout_reference", models.CharField(blank=True, default="", max_length=80)),
                ("reference", models.CharField(blank=True, default="", max_length=80)),
                ("page_url", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("page_expires_at", models.DateTimeField(null=True)),
                ("failure_code", models.CharField(blank=True, default="", max_length=60)),
                ("declines", models.PositiveSmallIntegerField(default=0)),
                ("ask_at", models.DateTimeField(null=True)),
                ("asked", models.PositiveSmallIntegerField(default=0)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
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
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.gatewayaccount",
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attempts",
                        to="payments.payment",
                    ),
                ),
                (
                    "saved_method",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.paymentmethod",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("ask_at__isnull", False)),
                        fields=["tenant", "ask_at"],
                        name="payments_attempt_ask",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "payment", "number"), name="payments_attempt_number"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("state__in", ["created", "open", "requires_action", "processing", "unknown"])
                        ),
                        fields=("tenant", "payment"),
                        name="payments_attempt_one_live",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("checkout_reference", ""), _negated=True),
                        fields=("tenant", "account", "checkout_reference"),
                        name="payments_attempt_checkout",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("reference", ""), _negated=True),
                        fields=("tenant", "account", "reference"),
                        name="payments_attempt_reference",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    "created",
                                    "open",
                                    "requires_action",
                                    "processing",
                                    "unknown",
                                    "succeeded",
                                    "failed",
                                    "canceled",
                                    "held",
                                ],
                            )
                        ),
                        name="payments_attempt_states",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("approval_id", models.UUIDField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending_approval", "Pending Approval"),
                            ("pending", "Pending"),
                            ("sent", "Sent"),
                            ("unknown", "Unknown"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("declined", "Declined"),
                            ("canceled", "Canceled"),
                        ],
                        max_length=16,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                (
                    "reason_code",
                    models.CharField(
                        choices=[
                            ("duplicate", "Duplicate"),
                            ("not_delivered", "Not Delivered"),
                            ("unsatisfactory", "Unsatisfactory"),
                            ("order_canceled", "Order Canceled"),
                            ("fraudulent", "Fraudulent"),
                            ("other", "Other"),
                        ],
                        default="other",
                        max_length=16,
                    ),
                ),
                ("reason", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="documents")),
                ("reference", models.CharField(blank=True, default="", max_length=80)),
                ("failure_code", models.CharField(blank=True, default="", max_length=60)),
                ("requested_by", models.UUIDField(null=True)),
                ("ask_at", models.DateTimeField(null=True)),
                ("asked", models.PositiveSmallIntegerField(default=0)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                ("succeeded_at", models.DateTimeField(null=True)),
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
                    "payment",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="payments.payment",
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
                    models.Index(fields=["tenant", "payment"], name="payments_refund_payment"),
                    models.Index(fields=["tenant", "state", "-id"], name="payments_refund_state"),
                    models.Index(fields=["tenant", "reference"], name="payments_refund_reference"),
                    models.Index(
                        condition=models.Q(("ask_at__isnull", False)),
                        fields=["tenant", "ask_at"],
                        name="payments_refund_ask",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor__gt", 0)), name="payments_refund_some"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    "pending_approval",
                                    "pending",
                                    "sent",
                                    "unknown",
                                    "succeeded",
                                    "failed",
                                    "declined",
                                    "canceled",
                                ],
                            )
                        ),
                        name="payments_refund_states",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Dispute",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("reference", models.CharField(max_length=80)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("needs_response", "Needs Response"),
                            ("under_review", "Under Review"),
                            ("won", "Won"),
                            ("lost", "Lost"),
                        ],
                        max_length=16,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                ("reason_code", models.CharField(max_length=60)),
                ("answer_by", models.DateTimeField(null=True)),
                ("evidence", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="documents")),
                ("answered_at", models.DateTimeField(null=True)),
                ("opened_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(null=True)),
                ("updated_at", models.DateTimeField()),
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
                    "payment",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="disputes",
                        to="payments.payment",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(fields=["tenant", "payment"], name="payments_dispute_payment"),
                    models.Index(fields=["tenant", "state", "answer_by"], name="payments_dispute_list"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "reference"), name="payments_dispute_once"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["needs_response", "under_review", "won", "lost"])),
                        name="payments_dispute_states",
                    ),
                ],
            },
        ),
        TenantTable(
            "GatewayAccount",
            grants="SELECT, INSERT, UPDATE",
            encrypted=["secret_key", "hook_secret", "previous_hook_secret"],
        ),
        TenantTable(
            "GatewayCustomer",
            fks=[
                ("account_id", "payments.GatewayAccount", "RESTRICT"),
                ("customer_id", "billing.Customer", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT, UPDATE, DELETE",
        ),
        TenantTable(
            "HookReceipt",
            fks=[("account_id", "payments.GatewayAccount", "RESTRICT")],
            grants="SELECT, INSERT, UPDATE, DELETE",
        ),
        TenantTable(
            "PaymentMethod",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("account_id", "payments.GatewayAccount", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT, UPDATE",
            encrypted=["mandate_text"],
        ),
        TenantTable(
            "Autopay",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("payment_method_id", "payments.PaymentMethod", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT, UPDATE",
            encrypted=["mandate_text"],
        ),
        TenantTable(
            "PayLink",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("invoice_id", "billing.Invoice", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT, UPDATE, DELETE",
        ),
        TenantTable(
            "Payment",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("account_id", "payments.GatewayAccount", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT, UPDATE",
            encrypted=["remittance"],
        ),
        TenantTable(
            "PaymentItem",
            fks=[
                ("payment_id", "payments.Payment", "RESTRICT"),
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("invoice_id", "billing.Invoice", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT",
        ),
        TenantTable(
            "Attempt",
            fks=[
                ("payment_id", "payments.Payment", "RESTRICT"),
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("account_id", "payments.GatewayAccount", "RESTRICT"),
                ("saved_method_id", "payments.PaymentMethod", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT, UPDATE",
            encrypted=["page_url"],
        ),
        TenantTable(
            "Refund",
            fks=[
                ("payment_id", "payments.Payment", "RESTRICT"),
                ("customer_id", "billing.Customer", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT, UPDATE",
            encrypted=["reason"],
        ),
        TenantTable(
            "Dispute",
            fks=[
                ("payment_id", "payments.Payment", "RESTRICT"),
                ("customer_id", "billing.Customer", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT, UPDATE",
            encrypted=["evidence"],
        ),
    ]
