"""The tables of reminders and late fees."""

import django.db.models.deletion
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable


class Migration(AtOnce):
    dependencies = [
        ("billing", "0004_settlement"),
        ("payments", "0002_statements"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReminderPlan",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
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
                ("name", models.CharField(max_length=80)),
                (
                    "state",
                    models.CharField(
                        choices=[("paused", "Paused"), ("active", "Active"), ("archived", "Archived")],
                        default="paused",
                        max_length=16,
                    ),
                ),
                ("is_default", models.BooleanField(default=False)),
                ("active_from", models.DateField(null=True)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_default", True)),
                        fields=("tenant",),
                        name="payments_reminderplan_default",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["paused", "active", "archived"]),
                            models.Q(
                                models.Q(("state", "active"), _negated=True),
                                ("active_from__isnull", False),
                                _connector="OR",
                            ),
                        ),
                        name="payments_reminderplan_states",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="ReminderStep",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
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
                    "plan",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="payments.reminderplan",
                    ),
                ),
                ("days", models.SmallIntegerField()),
                (
                    "words",
                    models.CharField(
                        choices=[
                            ("upcoming", "Upcoming"),
                            ("friendly", "Friendly"),
                            ("firm", "Firm"),
                            ("final", "Final"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "fee",
                    models.CharField(
                        choices=[("none", "None"), ("fixed", "Fixed"), ("interest", "Interest")],
                        default="none",
                        max_length=16,
                    ),
                ),
                ("fee_minor", models.BigIntegerField(null=True)),
                ("fee_percentage", models.DecimalField(decimal_places=6, max_digits=9, null=True)),
                ("fee_least_minor", models.BigIntegerField(null=True)),
                ("fee_most_minor", models.BigIntegerField(null=True)),
                ("fee_currency", models.CharField(blank=True, default="", max_length=3)),
                ("removed_at", models.DateTimeField(null=True)),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("removed_at__isnull", True)),
                        fields=("tenant", "plan", "days"),
                        name="payments_reminderstep_day",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("days__gte", -60),
                            ("days__lte", 365),
                            ("words__in", ["upcoming", "friendly", "firm", "final"]),
                            models.Q(
                                ("fee", "none"),
                                models.Q(("days__gt", 0), ("fee", "fixed"), ("fee_minor__gt", 0)),
                                models.Q(("days__gt", 0), ("fee", "interest"), ("fee_percentage__gt", 0)),
                                _connector="OR",
                            ),
                        ),
                        name="payments_reminderstep_sane",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="ReminderChoice",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
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
                    "plan",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.reminderplan",
                    ),
                ),
                ("is_paused", models.BooleanField(default=False)),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "indexes": [models.Index(fields=["tenant", "plan"], name="payments_reminderchoice_plan")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "customer"), name="payments_reminderchoice_one")
                ],
            },
        ),
        migrations.CreateModel(
            name="PaymentPromise",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
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
                ("promised_on", models.DateField()),
                ("note", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="documents")),
                ("made_by", models.UUIDField(null=True)),
                ("made_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("tenant", "invoice"),
                        name="payments_paymentpromise_one",
                    )
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Reminder",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
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
                    "step",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.reminderstep",
                    ),
                ),
                (
                    "state",
                    models.CharField(choices=[("sent", "Sent"), ("skipped", "Skipped")], max_length=16),
                ),
                (
                    "words",
                    models.CharField(
                        choices=[
                            ("upcoming", "Upcoming"),
                            ("friendly", "Friendly"),
                            ("firm", "Firm"),
                            ("final", "Final"),
                        ],
                        max_length=16,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("due_minor", models.BigIntegerField()),
                ("message_id", models.UUIDField(null=True)),
                ("on_day", models.DateField()),
                ("sent_by", models.UUIDField(null=True)),
                ("at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(fields=["tenant", "customer", "-id"], name="payments_reminder_customer"),
                    models.Index(fields=["tenant", "-id"], name="payments_reminder_list"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "invoice", "step"), name="payments_reminder_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["sent", "skipped"])),
                        name="payments_reminder_states",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LateFee",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
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
                    "step",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.reminderstep",
                    ),
                ),
                ("fee_invoice_id", models.UUIDField()),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                ("on_day", models.DateField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(fields=["tenant", "fee_invoice_id"], name="payments_latefee_invoice")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "invoice", "step"), name="payments_latefee_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor__gt", 0)), name="payments_latefee_some"
                    ),
                ],
            },
        ),
        TenantTable("ReminderPlan", grants="SELECT, INSERT, UPDATE"),
        TenantTable(
            "ReminderStep",
            fks=[("plan_id", "payments.ReminderPlan", "RESTRICT")],
            grants="SELECT, INSERT, UPDATE",
        ),
        TenantTable(
            "ReminderChoice",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("plan_id", "payments.ReminderPlan", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT, UPDATE, DELETE",
        ),
        TenantTable(
            "PaymentPromise",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("invoice_id", "billing.Invoice", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT, UPDATE",
            encrypted=["note"],
        ),
        TenantTable(
            "Reminder",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("invoice_id", "billing.Invoice", "RESTRICT"),
                ("step_id", "payments.ReminderStep", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT",
        ),
        TenantTable(
            "LateFee",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("invoice_id", "billing.Invoice", "RESTRICT"),
                ("step_id", "payments.ReminderStep", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT",
        ),
    ]
