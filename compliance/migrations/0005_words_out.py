"""Words in rows that only grow, of which nothing but an erasure may take a person."""

from django.db import migrations

from tenancy.migrating import AtOnce
from tenancy.rls import APP_ROLE

# Notes of security and of process, which no law keeps in these words. What accounting and evidence keep is not here:
# compliance.personaldata.lasting says which, and until when.
_COLUMNS = {
    ("alerts.AlertRule", "reason"): "alerts_alertrule",
    ("alerts.AlertStep", "words"): "alerts_alertstep",
    ("billing.ExportFreeze", "reason"): "billing_exportfreeze",
    ("compliance.BreachNote", "text"): "compliance_breachnote",
    ("compliance.LegalHold", "reason"): "compliance_legalhold",
    ("outbound.WebhookAttempt", "response"): "outbound_webhookattempt",
    ("payments.PayoutHold", "reason"): "payments_payouthold",
}
_LISTED = ", ".join(f"('{label}', '{column}', '{table}')" for (label, column), table in _COLUMNS.items())

# The application may not write here. This replaces one ciphertext in one row of the organization in scope, for an
# erasure that is under way, and only behind its own line in the trail: the function looks for both itself.
_TAKE_OUT = f"""
CREATE FUNCTION compliance_take_out(
    erasure uuid, told uuid, in_table text, in_column text, in_record uuid, words bytea
) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    own uuid := (SELECT app.ctx('tenant', true));
    place text := (SELECT c.place FROM (VALUES {_LISTED}) c (label, named, place)
                   WHERE c.label = in_table AND c.named = in_column);
    changed bigint;
BEGIN
    IF place IS NULL OR (SELECT app.ctx('customer', false)) IS NOT NULL THEN
        RAISE EXCEPTION 'no words that an erasure takes out' USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- Either somebody decided about this very find of an open request, or this very transaction erases.
    IF NOT EXISTS (
        SELECT FROM compliance_wordsfound w JOIN compliance_privacyrequest r USING (tenant_id)
        WHERE w.tenant_id = own AND w.request_id = erasure AND r.id = erasure AND r.kind = 'erasure'
          AND r.ended_at IS NULL AND w.state = 'open'
          AND w."table" = in_table AND w."column" = in_column AND w.record_id = in_record
    ) AND NOT EXISTS (
        SELECT FROM compliance_erasureentry x JOIN audit_event e USING (tenant_id)
        WHERE x.tenant_id = own AND x.id = erasure AND e.xid = pg_current_xact_id()
          AND e.event = 'subject.erased' AND e.subject_id = x.subject_id
    ) THEN
        RAISE EXCEPTION 'no erasure asks for this' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NOT EXISTS (
        SELECT FROM audit_event e
        WHERE e.tenant_id = own AND e.id = told AND e.xid = pg_current_xact_id()
          AND e.event = 'subject.words_redacted' AND e.facts ->> 'record' = in_record::text
          AND e.facts ->> 'table' = lower(replace(in_table, '.', '_'))
    ) THEN
        RAISE EXCEPTION 'not in the trail' USING ERRCODE = 'insufficient_privilege';
    END IF;
    EXECUTE format('UPDATE %I SET %I = $1 WHERE tenant_id = $2 AND id = $3', place, in_column)
        USING words, own, in_record;
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF changed <> 1 THEN
        RAISE EXCEPTION 'no such record' USING ERRCODE = 'no_data_found';
    END IF;
END $$;
REVOKE ALL ON FUNCTION compliance_take_out(uuid, uuid, text, text, uuid, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION compliance_take_out(uuid, uuid, text, text, uuid, bytea) TO {APP_ROLE};
"""


class Migration(AtOnce):
    """One function; the tables it reaches are made by the apps below."""

    dependencies = [
        ("alerts", "0004_questions"),
        ("billing", "0016_personal_data"),
        ("compliance", "0004_words_found"),
        ("outbound", "0003_webhooks"),
        ("payments", "0006_holds"),
    ]

    operations = [
        migrations.RunSQL(
            _TAKE_OUT, "DROP FUNCTION compliance_take_out(uuid, uuid, text, text, uuid, bytea);"
        ),
    ]
