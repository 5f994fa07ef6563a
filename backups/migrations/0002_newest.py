"""Of what kind the targets are, and when the receiver was last seen."""

from importlib import import_module

from django.db import migrations, models

from tenancy.migrating import AtOnce

EVIDENCE = """
CREATE OR REPLACE FUNCTION backups_evidence() RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
  WITH operator AS (SELECT id FROM tenancy_tenant WHERE kind = 'operator'),
  done AS (SELECT b.* FROM backups_backup b, operator o WHERE b.tenant_id = o.id AND b.state = 'done'),
  ended AS (SELECT d.* FROM backups_drill d, operator o WHERE d.tenant_id = o.id AND d.state <> 'running'),
  newest AS (SELECT * FROM ended ORDER BY started_at DESC LIMIT 1),
  passed AS (SELECT * FROM ended WHERE state = 'passed' ORDER BY started_at DESC LIMIT 1),
  plan AS (SELECT p.* FROM backups_plan p, operator o WHERE p.tenant_id = o.id)
  SELECT jsonb_build_object(
    'last_full_at', (SELECT max(finished_at) FROM done WHERE kind = 'full'),
    'last_backup_at', (SELECT max(finished_at) FROM done),
    'last_verified_at', (SELECT max(verified_at) FROM done WHERE is_sound),
    'backups_kept', (SELECT count(*) FROM done),
    'oldest_kept_at', (SELECT min(consistent_at) FROM done),
    'targets', (SELECT count(DISTINCT c.target) FROM backups_copy c, operator o
                WHERE c.tenant_id = o.id AND c.state = 'stored'),
    'targets_immutable', coalesce((SELECT targets_immutable FROM plan), 0),
    'targets_offsite', coalesce((SELECT targets_offsite FROM plan), 0),
    'places_seen_at', (SELECT places_seen_at FROM plan),
    'stream_seen_at', (SELECT stream_seen_at FROM plan),
    'stream_covers_at', (SELECT stream_covers_at FROM plan),
    'keep_days', coalesce((SELECT keep_days FROM plan), 0),
    'drill_days', coalesce((SELECT drill_days FROM plan), 0),
    'last_drill_at', (SELECT finished_at FROM newest),
    'last_drill_passed', (SELECT state = 'passed' FROM newest),
    'last_passed_at', (SELECT finished_at FROM passed),
    'rpo_milliseconds', (SELECT rpo_milliseconds FROM passed),
    'rto_milliseconds', (SELECT rto_milliseconds FROM passed),
    'drills_passed', (SELECT count(*) FROM ended WHERE state = 'passed' AND started_at > now() - interval '1 year'),
    'drills_failed', (SELECT count(*) FROM ended WHERE state = 'failed' AND started_at > now() - interval '1 year'),
    'checks', coalesce((SELECT jsonb_agg(jsonb_build_array(s.name, s.is_ok) ORDER BY s.position)
                        FROM backups_drillstep s, newest n
                        WHERE s.tenant_id = n.tenant_id AND s.drill_id = n.id), '[]'::jsonb),
    'is_backup_late', NOT EXISTS (SELECT FROM done) OR EXISTS (SELECT FROM plan WHERE overdue_since IS NOT NULL),
    'is_drill_late', NOT EXISTS (SELECT FROM passed)
                     OR EXISTS (SELECT FROM plan WHERE drill_overdue_since IS NOT NULL),
    'is_stream_late', NOT EXISTS (SELECT FROM plan WHERE stream_covers_at IS NOT NULL)
                      OR EXISTS (SELECT FROM plan WHERE stream_behind_since IS NOT NULL)
  );
END;
"""
# It reads whole rows, so it holds on to every column: on the way back it goes first and comes again last.
DROP = "DROP FUNCTION backups_evidence()"
BEFORE = str(import_module("backups.migrations.0001_initial").EVIDENCE)


def _number(name: str) -> migrations.AddField:
    return migrations.AddField("plan", name, models.PositiveSmallIntegerField(default=0))


class Migration(AtOnce):
    dependencies = [("backups", "0001_initial")]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, BEFORE),
        _number("targets"),
        _number("targets_immutable"),
        _number("targets_offsite"),
        migrations.AddField("plan", "places_seen_at", models.DateTimeField(null=True)),
        migrations.RunSQL(EVIDENCE, DROP),
    ]
