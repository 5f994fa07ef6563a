"""Sign-in rows leave when their retention has ended.

The app role may delete neither sessions nor recovery tokens: they say who was in, and whoever broke in would remove
their own. It may call this function, which belongs to the owner, reads the database's own clock and can delete
nothing else: sessions 90 days after they ended (that long a network counts as known), tokens 30 days after they
expired, as the data policies of both tables say.
"""

from django.db import migrations

from tenancy.migrating import AtOnce

REMOVE = """
CREATE FUNCTION accounts_remove_ended(OUT sessions bigint, OUT tokens bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
  WITH old_sessions AS (
    DELETE FROM accounts_session WHERE id IN (
      SELECT id FROM accounts_session WHERE coalesce(ended_at, expires_at) < now() - interval '90 days' LIMIT 10000
    ) RETURNING id
  ), old_tokens AS (
    DELETE FROM accounts_recoverytoken WHERE id IN (
      SELECT id FROM accounts_recoverytoken WHERE expires_at < now() - interval '30 days' LIMIT 10000
    ) RETURNING id
  )
  SELECT (SELECT count(*) FROM old_sessions), (SELECT count(*) FROM old_tokens);
END;
REVOKE ALL ON FUNCTION accounts_remove_ended() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts_remove_ended() TO strongbox_app;
"""


class Migration(AtOnce):
    """Needs the tables."""

    dependencies = [("accounts", "0001_initial")]

    operations = [migrations.RunSQL(REMOVE, "DROP FUNCTION accounts_remove_ended()")]
