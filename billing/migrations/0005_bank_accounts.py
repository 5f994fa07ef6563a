"""The organization's bank details. Whoever holds the app's password still cannot change them at once or in place:
a row's details are not the app's to update, a replacement holds 72 hours after it was announced, and a
customer's scope writes none.
"""

import datetime

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import APP_ROLE, TenantTable, context_value

_TABLE = "billing_bankaccount"
_NO_CUSTOMER = f"CASE WHEN {context_value('customer', required=False)} IS NULL THEN true ELSE false END"
_WAITS = f"""
CREATE FUNCTION billing_bankaccount_waits() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    -- Whoever changes keys rewrites the envelopes and nothing else; everybody else, never the details.
    writable text[] := CASE WHEN current_user = 'strongbox_rekey' THEN ARRAY['holder', 'iban', 'bic']
        ELSE ARRAY['state', 'ended_at', 'told'] END;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state = 'current' AND EXISTS (
            SELECT 1 FROM {_TABLE} AS other WHERE other.tenant_id = NEW.tenant_id AND other.state <> 'canceled'
        ) THEN
            RAISE EXCEPTION 'bank details that replace others are announced first' USING ERRCODE = 'restrict_violation';
        END IF;
        IF NEW.state NOT IN ('announced', 'current') THEN
            RAISE EXCEPTION 'bank details begin announced or current' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (to_jsonb(OLD) - writable) IS DISTINCT FROM (to_jsonb(NEW) - writable) THEN
        RAISE EXCEPTION 'bank details % stay as they were agreed on', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('announced', 'current'), ('announced', 'canceled'), ('current', 'former')
    ) THEN
        RAISE EXCEPTION 'bank details never go from % to %', OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state = 'announced' AND NEW.state = 'current' AND now() < OLD.holds_from THEN
        RAISE EXCEPTION 'the notice of these bank details is not over' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER waits BEFORE INSERT OR UPDATE ON {_TABLE} FOR EACH ROW EXECUTE FUNCTION billing_bankaccount_waits();
CREATE POLICY no_customer_adds ON {_TABLE} AS RESTRICTIVE FOR INSERT TO {APP_ROLE} WITH CHECK ({_NO_CUSTOMER});
CREATE POLICY no_customer_changes ON {_TABLE} AS RESTRICTIVE FOR UPDATE TO {APP_ROLE}
    USING ({_NO_CUSTOMER}) WITH CHECK ({_NO_CUSTOMER});
"""
_UNDO = f"""
DROP POLICY no_customer_changes ON {_TABLE};
DROP POLICY no_customer_adds ON {_TABLE};
DROP TRIGGER waits ON {_TABLE};
DROP FUNCTION billing_bankaccount_waits();
"""


class Migration(AtOnce):
    """Needs nothing of billing but its place in the order."""

    dependencies = [
        ("billing", "0004_settlement"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="BankAccount",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("holder", crypto.fields.encrypted.EncryptedTextField()),
                ("iban", crypto.fields.encrypted.EncryptedTextField()),
                ("bic", crypto.fields.encrypted.EncryptedTextField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("announced", "Announced"),
                            ("current", "Current"),
                            ("former", "Former"),
                            ("canceled", "Canceled"),
                        ],
                        max_length=16,
                    ),
                ),
                ("asked_by", models.UUIDField()),
                ("agreed_by", models.UUIDField(null=True)),
                ("announced_at", models.DateTimeField()),
                ("holds_from", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("told", models.CharField(blank=True, default="", max_length=16)),
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
                    models.Index(fields=["tenant", "-holds_from"], name="billing_bankaccount_newest")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "current")),
                        fields=("tenant",),
                        name="billing_bankaccount_one_current",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "announced")),
                        fields=("tenant",),
                        name="billing_bankaccount_one_change",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("state__in", ["announced", "current"])),
                            models.Q(("ended_at__isnull", False), ("state__in", ["former", "canceled"])),
                            _connector="OR",
                        ),
                        name="billing_bankaccount_states",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "announced"), _negated=True),
                            (
                                "holds_from__gte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("announced_at"), "+", models.Value(datetime.timedelta(days=3))
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="billing_bankaccount_waits",
                    ),
                ],
            },
        ),
        TenantTable(
            "BankAccount",
            grants="SELECT, INSERT, UPDATE (state, ended_at, told)",
            encrypted=("holder", "iban", "bic"),
        ),
        migrations.RunSQL(_WAITS, _UNDO),
    ]
