"""Restriction, objection and erasure of persons."""

from django.db import migrations, models

import billing.customers.rules
import crypto.fields.index
from tenancy.migrating import AtOnce
from tenancy.rls import APP_ROLE, OWNER_ROLE

# What the authorities said of a tax id proves a document. Of a customer without one it proves nothing, and goes with
# them (GDPR Article 17): by this function alone, which looks for documents itself.
_FORGET = f"""
CREATE OR REPLACE FUNCTION billing_taxidcheck_stays() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    envelopes text[] := ARRAY['tax_id', 'requester', 'consultation', 'trader_name', 'trader_address'];
BEGIN
    -- Whoever changes keys rewrites the envelopes and nothing else; everybody else, nothing.
    IF TG_OP = 'UPDATE' AND current_user = 'strongbox_rekey'
       AND (to_jsonb(OLD) - envelopes) IS NOT DISTINCT FROM (to_jsonb(NEW) - envelopes) THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' AND current_user = '{OWNER_ROLE}'
       AND EXISTS (SELECT FROM billing_customer c WHERE c.tenant_id = OLD.tenant_id AND c.id = OLD.customer_id
                   AND c.erased_at IS NOT NULL) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE FUNCTION billing_forget_checks(of_customer uuid) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
  WITH gone AS (
    DELETE FROM billing_taxidcheck t
    WHERE t.tenant_id = (SELECT app.ctx('tenant', true)) AND t.customer_id = of_customer
      AND (SELECT app.ctx('customer', false)) IS NULL
      AND NOT EXISTS (
        SELECT FROM billing_invoice i
        WHERE i.tenant_id = t.tenant_id AND i.customer_id = of_customer AND i.status <> 'draft'
      )
    RETURNING t.id
  )
  SELECT count(*) FROM gone;
END;
REVOKE ALL ON FUNCTION billing_forget_checks(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION billing_forget_checks(uuid) TO {APP_ROLE};
"""
_KEEP = """
DROP FUNCTION billing_forget_checks(uuid);
CREATE OR REPLACE FUNCTION billing_taxidcheck_stays() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
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
"""


class Migration(AtOnce):
    """Follows its neighbour."""

    dependencies = [("billing", "0015_reports")]

    operations = [
        migrations.AddField(
            model_name="customer",
            name="erased_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="restricted_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="customer",
            name="name_index",
            field=crypto.fields.index.BlindIndexField(
                normalize=billing.customers.rules.normalize_name, null=True, source="name"
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("erased_at__isnull", True), ("name_index__isnull", False)),
                    models.Q(
                        ("erased_at__isnull", False),
                        ("subject_key__isnull", True),
                        ("name_index__isnull", True),
                        ("email_index__isnull", True),
                        ("tax_id_index__isnull", True),
                        ("reference_index__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="billing_customer_erased",
            ),
        ),
        migrations.RunSQL(_FORGET, _KEEP),
    ]
