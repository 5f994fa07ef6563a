"""The operator counts what organizations hold, and sees none of it."""

from django.db import migrations

from tenancy.migrating import AtOnce

# A request of the operator stands in the operator's own scope and can open no other. What is asked here is counted by
# the owner of the tables, in the operator's scope alone: numbers and one time, never a row.
_COUNTS = """
CREATE FUNCTION accounts_tenant_counts(p_wanted uuid[])
RETURNS TABLE (tenant uuid, members bigint, files bigint, bytes bigint, last_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM tenancy_tenant t WHERE t.id = (SELECT app.ctx('tenant', true)) AND t.kind = 'operator'
  ) THEN
    RAISE EXCEPTION 'organizations are counted for the operator alone' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN QUERY SELECT w.id,
    (SELECT count(*) FROM accounts_membership m WHERE m.tenant_id = w.id AND m.state = 'active'),
    (SELECT count(*) FROM outbound_storedfile f WHERE f.tenant_id = w.id AND f.state = 'ready'),
    (SELECT coalesce(sum(f.size_bytes), 0)::bigint FROM outbound_storedfile f
      WHERE f.tenant_id = w.id AND f.state = 'ready'),
    greatest(
      (SELECT max(s.last_seen_at) FROM accounts_session s WHERE s.tenant_id = w.id),
      (SELECT max(k.last_used_at) FROM accounts_apikey k WHERE k.tenant_id = w.id)
    )
    FROM unnest(p_wanted) AS w(id);
END $$;
REVOKE ALL ON FUNCTION accounts_tenant_counts(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts_tenant_counts(uuid[]) TO strongbox_app;
"""


class Migration(AtOnce):
    """Needs people, keys and files."""

    dependencies = [("accounts", "0009_notifications"), ("outbound", "0003_webhooks")]

    operations = [migrations.RunSQL(_COUNTS, "DROP FUNCTION accounts_tenant_counts(uuid[])")]
