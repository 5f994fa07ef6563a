"""Products, prices, subscriptions and usage. Prices, what somebody has, and what was billed are never edited."""

from decimal import Decimal

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable

_FUNCTIONS = """
-- Nothing of a row changes but the columns named, and it never goes.
CREATE FUNCTION billing_keeps() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    writable text[] := coalesce(TG_ARGV, ARRAY[]::text[]);
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION '% % stays', TG_TABLE_NAME, OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    -- Whoever changes keys may write the envelopes and nothing else: the grants say so.
    IF current_user <> 'strongbox_rekey' AND (to_jsonb(OLD) - writable) IS DISTINCT FROM (to_jsonb(NEW) - writable) THEN
        RAISE EXCEPTION '% % stays as it was agreed on', TG_TABLE_NAME, OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
-- A price is made with all of its tiers.
CREATE FUNCTION billing_pricetier_belongs() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM billing_price WHERE tenant_id = NEW.tenant_id AND id = NEW.price_id AND steps > NEW.position
    ) THEN
        RAISE EXCEPTION 'price % has all of its tiers', NEW.price_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
-- Time moves forward only, and by hand only where nothing is real.
CREATE FUNCTION billing_testclock_moves() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM tenancy_tenant WHERE id = NEW.tenant_id AND mode = 'test')
       OR (TG_OP = 'UPDATE' AND NEW.today < OLD.today) THEN
        RAISE EXCEPTION 'this clock does not move' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION billing_keeps(), billing_pricetier_belongs(), billing_testclock_moves() FROM PUBLIC;
CREATE TRIGGER belongs BEFORE INSERT ON billing_pricetier FOR EACH ROW EXECUTE FUNCTION billing_pricetier_belongs();
CREATE TRIGGER moves BEFORE INSERT OR UPDATE ON billing_testclock
    FOR EACH ROW EXECUTE FUNCTION billing_testclock_moves();
"""
_UNDO = """
DROP TRIGGER moves ON billing_testclock;
DROP TRIGGER belongs ON billing_pricetier;
DROP FUNCTION billing_testclock_moves();
DROP FUNCTION billing_pricetier_belongs();
DROP FUNCTION billing_keeps();
"""


def _keeps(table: str, *writable: str) -> migrations.RunSQL:
    """Freeze a table but for the columns named; TG_ARGV is a text array, which is what `jsonb -` takes."""
    named = ", ".join(f"'{column}'" for column in writable)
    return migrations.RunSQL(
        f"CREATE TRIGGER keeps BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION billing_keeps({named});"
        f"CREATE TRIGGER stays BEFORE TRUNCATE ON {table} EXECUTE FUNCTION billing_ledger_appends();",
        f"DROP TRIGGER keeps ON {table}; DROP TRIGGER stays ON {table};",
    )


class Migration(AtOnce):
    """Needs customers, invoices and tax rates."""

    dependencies = [
        ("billing", "0008_credit_notes"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Meter",
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
                ("code", models.CharField(max_length=40)),
                ("name", crypto.fields.encrypted.EncryptedTextField()),
                (
                    "aggregation",
                    models.CharField(
                        choices=[("sum", "Sum"), ("max", "Max"), ("last", "Last"), ("unique", "Unique")],
                        max_length=8,
                    ),
                ),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "code"), name="billing_meter_code"),
                    models.CheckConstraint(
                        condition=models.Q(("aggregation__in", ["sum", "max", "last", "unique"])),
                        name="billing_meter_aggregation",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Product",
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
                ("code", models.CharField(max_length=40)),
                ("name", crypto.fields.encrypted.EncryptedTextField()),
                ("description", crypto.fields.encrypted.EncryptedTextField(null=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("goods", "Goods"), ("service", "Service"), ("digital", "Digital")],
                        default="service",
                        max_length=16,
                    ),
                ),
                ("tax_code", models.CharField(blank=True, default="", max_length=40)),
                ("unit_code", models.CharField(blank=True, default="", max_length=8)),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "Active"), ("retired", "Retired")],
                        default="active",
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "indexes": [models.Index(fields=["tenant", "state", "-id"], name="billing_product_list")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "code"), name="billing_product_code"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["goods", "service", "digital"]),
                            ("state__in", ["active", "retired"]),
                        ),
                        name="billing_product_states",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Price",
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
                    "product",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="prices",
                        to="billing.product",
                    ),
                ),
                ("code", models.CharField(max_length=40)),
                ("version", models.PositiveSmallIntegerField(default=1)),
                (
                    "supersedes",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.price",
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                (
                    "model",
                    models.CharField(
                        choices=[
                            ("flat", "Flat"),
                            ("per_unit", "Per Unit"),
                            ("graduated", "Graduated"),
                            ("volume", "Volume"),
                            ("package", "Package"),
                        ],
                        max_length=16,
                    ),
                ),
                ("unit_amount", models.DecimalField(decimal_places=12, default=Decimal("0"), max_digits=24)),
                ("package_size", models.DecimalField(decimal_places=12, max_digits=24, null=True)),
                ("flat_minor", models.BigIntegerField(default=0)),
                ("minimum_minor", models.BigIntegerField(default=0)),
                (
                    "tax_behavior",
                    models.CharField(
                        choices=[("exclusive", "Exclusive"), ("inclusive", "Inclusive")],
                        default="exclusive",
                        max_length=16,
                    ),
                ),
                ("tax_code", models.CharField(blank=True, default="", max_length=40)),
                (
                    "interval",
                    models.CharField(
                        choices=[
                            ("none", "None"),
                            ("day", "Day"),
                            ("week", "Week"),
                            ("month", "Month"),
                            ("year", "Year"),
                        ],
                        default="none",
                        max_length=8,
                    ),
                ),
                ("interval_count", models.PositiveSmallIntegerField(default=1)),
                (
                    "meter",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.meter",
                    ),
                ),
                ("steps", models.PositiveSmallIntegerField(default=0)),
                ("valid_from", models.DateField()),
                ("valid_to", models.DateField(null=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "product", "code", "currency", "version"),
                        name="billing_price_version",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("valid_to__isnull", True)),
                        fields=("tenant", "product", "code", "currency"),
                        name="billing_price_one_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("interval__in", ["none", "day", "week", "month", "year"]),
                            ("model__in", ["flat", "per_unit", "graduated", "volume", "package"]),
                            ("tax_behavior__in", ["exclusive", "inclusive"]),
                        ),
                        name="billing_price_states",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("flat_minor__gte", 0),
                            ("interval_count__gte", 1),
                            ("minimum_minor__gte", 0),
                            ("unit_amount__gte", 0),
                            models.Q(
                                models.Q(("model", "package"), ("package_size__gt", 0)),
                                models.Q(
                                    models.Q(("model", "package"), _negated=True),
                                    ("package_size__isnull", True),
                                ),
                                _connector="OR",
                            ),
                            models.Q(
                                ("meter__isnull", True),
                                models.Q(("interval", "none"), _negated=True),
                                _connector="OR",
                            ),
                        ),
                        name="billing_price_sane",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_to__isnull", True),
                            ("valid_to__gte", models.F("valid_from")),
                            _connector="OR",
                        ),
                        name="billing_price_period",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="PriceTier",
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
                    "price",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tiers",
                        to="billing.price",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                ("up_to", models.DecimalField(decimal_places=12, max_digits=24, null=True)),
                ("unit_amount", models.DecimalField(decimal_places=12, max_digits=24)),
                ("flat_minor", models.BigIntegerField(default=0)),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "price", "position"), name="billing_pricetier_position"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("flat_minor__gte", 0),
                            ("unit_amount__gte", 0),
                            models.Q(("up_to__isnull", True), ("up_to__gt", 0), _connector="OR"),
                        ),
                        name="billing_pricetier_sane",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Subscription",
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
                ("currency", models.CharField(max_length=3)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("trialing", "Trialing"),
                            ("active", "Active"),
                            ("paused", "Paused"),
                            ("canceled", "Canceled"),
                            ("ended", "Ended"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "timing",
                    models.CharField(
                        choices=[("advance", "Advance"), ("arrears", "Arrears")],
                        default="advance",
                        max_length=16,
                    ),
                ),
                (
                    "interval",
                    models.CharField(
                        choices=[
                            ("none", "None"),
                            ("day", "Day"),
                            ("week", "Week"),
                            ("month", "Month"),
                            ("year", "Year"),
                        ],
                        max_length=8,
                    ),
                ),
                ("interval_count", models.PositiveSmallIntegerField(default=1)),
                ("start_on", models.DateField()),
                ("trial_until", models.DateField(null=True)),
                ("anchor_on", models.DateField()),
                ("paused_from", models.DateField(null=True)),
                ("ends_on", models.DateField(null=True)),
                ("cancel_at_period_end", models.BooleanField(default=False)),
                ("next_on", models.DateField(null=True)),
                ("open_from", models.DateField(null=True)),
                ("revision", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_on__isnull", False)),
                        fields=["tenant", "customer", "next_on"],
                        name="billing_subscription_due",
                    ),
                    models.Index(fields=["tenant", "customer", "-id"], name="billing_subscription_customer"),
                    models.Index(fields=["tenant", "status", "-id"], name="billing_subscription_status"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["trialing", "active", "paused", "canceled", "ended"]),
                            ("timing__in", ["advance", "arrears"]),
                            ("interval__in", ["day", "week", "month", "year"]),
                            ("interval_count__gte", 1),
                        ),
                        name="billing_subscription_states",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ends_on__isnull", True),
                                ("ends_on__gte", models.F("start_on")),
                                _connector="OR",
                            ),
                            models.Q(
                                ("trial_until__isnull", True),
                                ("trial_until__gte", models.F("start_on")),
                                _connector="OR",
                            ),
                            models.Q(
                                models.Q(("status__in", ["canceled", "ended"]), _negated=True),
                                ("ends_on__isnull", False),
                                _connector="OR",
                            ),
                            models.Q(
                                models.Q(("status", "paused"), _negated=True),
                                ("paused_from__isnull", False),
                                _connector="OR",
                            ),
                        ),
                        name="billing_subscription_days",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SubscriptionItem",
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
                    "subscription",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="billing.subscription",
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
                    "price",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.price",
                    ),
                ),
                (
                    "replaces",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.subscriptionitem",
                    ),
                ),
                ("quantity", models.DecimalField(decimal_places=12, max_digits=24)),
                ("from_on", models.DateField()),
                ("to_on", models.DateField(null=True)),
                ("is_paused", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(
                        fields=["tenant", "subscription", "from_on"], name="billing_subscriptionitem_days"
                    ),
                    models.Index(fields=["tenant", "price"], name="billing_subscriptionitem_price"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("quantity__gt", 0),
                            models.Q(
                                ("to_on__isnull", True), ("to_on__gte", models.F("from_on")), _connector="OR"
                            ),
                        ),
                        name="billing_subscriptionitem_sane",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PendingCharge",
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
                    "subscription",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.subscription",
                    ),
                ),
                (
                    "price",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.price",
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("description", crypto.fields.encrypted.EncryptedTextField(purpose="documents")),
                ("quantity", models.DecimalField(decimal_places=12, max_digits=24)),
                ("unit_code", models.CharField(blank=True, default="", max_length=8)),
                ("unit_amount", models.DecimalField(decimal_places=12, max_digits=24)),
                (
                    "tax_behavior",
                    models.CharField(
                        choices=[("exclusive", "Exclusive"), ("inclusive", "Inclusive")],
                        default="exclusive",
                        max_length=16,
                    ),
                ),
                ("tax_code", models.CharField(blank=True, default="", max_length=40)),
                ("due_on", models.DateField()),
                ("billed_at", models.DateTimeField(null=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("billed_at__isnull", True), ("withdrawn_at__isnull", True)),
                        fields=["tenant", "customer", "due_on"],
                        name="billing_pendingcharge_due",
                    ),
                    models.Index(fields=["tenant", "customer", "-id"], name="billing_pendingcharge_list"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("quantity", 0), _negated=True),
                            ("tax_behavior__in", ["exclusive", "inclusive"]),
                            models.Q(
                                ("billed_at__isnull", True), ("withdrawn_at__isnull", True), _connector="OR"
                            ),
                        ),
                        name="billing_pendingcharge_sane",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="BilledPeriod",
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
                    "subscription",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.subscription",
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.subscriptionitem",
                    ),
                ),
                (
                    "charge",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.pendingcharge",
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
                    "tax_rate",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.taxrate",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("recurring", "Recurring"), ("usage", "Usage"), ("charge", "Charge")],
                        max_length=16,
                    ),
                ),
                ("period_from", models.DateField()),
                ("period_to", models.DateField()),
                ("revision", models.PositiveSmallIntegerField(default=0)),
                ("from_on", models.DateField()),
                ("to_on", models.DateField()),
                ("quantity", models.DecimalField(decimal_places=12, max_digits=24)),
                ("amount_minor", models.BigIntegerField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(
                        fields=["tenant", "subscription", "period_from"], name="billing_billedperiod_days"
                    ),
                    models.Index(fields=["tenant", "invoice"], name="billing_billedperiod_invoice"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "item", "kind", "period_from", "revision"),
                        name="billing_billedperiod_once",
                    ),
                    models.UniqueConstraint(fields=("tenant", "charge"), name="billing_billedperiod_charge"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                models.Q(
                                    ("charge__isnull", False), ("item__isnull", True), ("kind", "charge")
                                ),
                                models.Q(
                                    ("charge__isnull", True),
                                    ("kind__in", ["recurring", "usage"]),
                                    ("item__isnull", False),
                                    ("subscription__isnull", False),
                                ),
                                _connector="OR",
                            ),
                            ("period_to__gte", models.F("period_from")),
                            ("to_on__gte", models.F("from_on")),
                        ),
                        name="billing_billedperiod_sane",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="UsageEvent",
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
                    "subscription",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.subscription",
                    ),
                ),
                (
                    "meter",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.meter",
                    ),
                ),
                ("at", models.DateTimeField()),
                ("quantity", models.DecimalField(decimal_places=12, max_digits=24)),
                ("key_digest", models.BinaryField()),
                ("value_digest", models.BinaryField(null=True)),
                ("recorded_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(
                        fields=["tenant", "subscription", "meter", "at"], name="billing_usageevent_period"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "key_digest"), name="billing_usageevent_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="TestClock",
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
                ("today", models.DateField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "constraints": [models.UniqueConstraint(fields=("tenant",), name="billing_testclock_one")],
                "indexes": [],
            },
        ),
        TenantTable("Meter", grants="SELECT, INSERT, UPDATE (name)", encrypted=("name",)),
        TenantTable(
            "Product",
            grants="SELECT, INSERT, UPDATE (name, description, kind, tax_code, unit_code, state, updated_at)",
            encrypted=("name", "description"),
        ),
        TenantTable(
            "Price",
            fks=[
                ("product_id", "billing.Product", "RESTRICT"),
                ("supersedes_id", "billing.Price", "RESTRICT"),
                ("meter_id", "billing.Meter", "RESTRICT"),
            ],
            grants="SELECT, INSERT, UPDATE (valid_to)",
        ),
        TenantTable("PriceTier", fks=[("price_id", "billing.Price", "RESTRICT")], grants="SELECT, INSERT"),
        TenantTable(
            "Subscription",
            fks=[("customer_id", "billing.Customer", "RESTRICT")],
            customer="customer_id",
            grants="SELECT, INSERT, UPDATE (status, paused_from, ends_on, cancel_at_period_end, next_on, open_from, "
            "revision, updated_at)",
        ),
        TenantTable(
            "SubscriptionItem",
            fks=[
                ("subscription_id", "billing.Subscription", "RESTRICT"),
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("price_id", "billing.Price", "RESTRICT"),
                ("replaces_id", "billing.SubscriptionItem", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT, UPDATE (to_on, is_paused)",
        ),
        TenantTable(
            "PendingCharge",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("subscription_id", "billing.Subscription", "RESTRICT"),
                ("price_id", "billing.Price", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT, UPDATE (billed_at, withdrawn_at)",
            encrypted=("description",),
        ),
        TenantTable(
            "BilledPeriod",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("subscription_id", "billing.Subscription", "RESTRICT"),
                ("item_id", "billing.SubscriptionItem", "RESTRICT"),
                ("charge_id", "billing.PendingCharge", "RESTRICT"),
                ("invoice_id", "billing.Invoice", "RESTRICT"),
                ("tax_rate_id", "billing.TaxRate", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT",
        ),
        TenantTable(
            "UsageEvent",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("subscription_id", "billing.Subscription", "RESTRICT"),
                ("meter_id", "billing.Meter", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT",
        ),
        TenantTable("TestClock", grants="SELECT, INSERT, UPDATE (today, updated_at)"),
        migrations.RunSQL(_FUNCTIONS, _UNDO),
        _keeps(
            "billing_product", "name", "description", "kind", "tax_code", "unit_code", "state", "updated_at"
        ),
        _keeps("billing_price", "valid_to"),
        _keeps("billing_pricetier"),
        _keeps(
            "billing_subscription",
            "status",
            "paused_from",
            "ends_on",
            "cancel_at_period_end",
            "next_on",
            "open_from",
            "revision",
            "updated_at",
        ),
        _keeps("billing_subscriptionitem", "to_on", "is_paused"),
        _keeps("billing_pendingcharge", "billed_at", "withdrawn_at"),
        _keeps("billing_billedperiod"),
        _keeps("billing_usageevent"),
    ]
