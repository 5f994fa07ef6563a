-- Append-only trail. Times and transaction ids come from the database alone; see docs/decisions on asynchronous sealing.
CREATE TABLE audit_event (
  id uuid NOT NULL,
  tenant_id uuid NOT NULL,           -- no foreign key: the trail outlives what it speaks of
  event varchar(64) NOT NULL,
  result varchar(8) NOT NULL CHECK (result IN ('success', 'refused', 'failed')),
  actor_kind varchar(16) NOT NULL,
  actor_id uuid,
  actor_label varchar(128) NOT NULL DEFAULT '',
  on_behalf_of uuid,
  via varchar(8) NOT NULL,
  session_id uuid,
  key_id uuid,
  request_id uuid NOT NULL,
  network varchar(64) NOT NULL DEFAULT '',
  subject_kind varchar(64) NOT NULL DEFAULT '',
  subject_id uuid,
  subject_ids uuid[] NOT NULL DEFAULT '{}',
  fields text[] NOT NULL DEFAULT '{}',
  facts jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(facts) = 'object'),
  -- a code, never somebody's words: those are personal and stand encrypted elsewhere
  reason varchar(64) NOT NULL DEFAULT '' CHECK (reason !~ '[^A-Za-z0-9_.:-]'),
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  epoch integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, at, id)    -- read backwards it is the newest-first list
) PARTITION BY RANGE (at);
CREATE INDEX audit_event_xid ON audit_event (xid);
CREATE INDEX audit_event_subject ON audit_event (tenant_id, subject_id, at DESC) WHERE subject_id IS NOT NULL;
CREATE INDEX audit_event_actor ON audit_event (tenant_id, actor_id, at DESC) WHERE actor_id IS NOT NULL;

CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN RAISE EXCEPTION '% on % is refused: append only', tg_op, tg_table_name USING ERRCODE = '42501'; END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit_event EXECUTE FUNCTION audit_refuse();

-- A partition is reachable by its own name: it gets its own row-level security (no policy: nobody) and TRUNCATE trigger.
CREATE FUNCTION audit_protect_partition(part text) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part);
  EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %I EXECUTE FUNCTION audit_refuse()', part);
END $$;
CREATE FUNCTION audit_add_partition(month date) RETURNS boolean LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  -- months of UTC, whatever the session's time zone
  first timestamptz := date_trunc('month', month::timestamp) AT TIME ZONE 'UTC';
  after timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
  part text := 'audit_event_' || to_char(month, 'YYYY_MM');
BEGIN
  IF to_regclass(part) IS NOT NULL THEN RETURN true; END IF;
  -- A month whose rows already fell into the default partition stays there: rows are never moved. Asked of the parent,
  -- because under its own name the partition shows nobody anything.
  IF EXISTS (SELECT FROM audit_event e WHERE e.tableoid = 'audit_event_default'::regclass AND e.at >= first AND e.at < after)
  THEN RETURN false; END IF;
  EXECUTE format('CREATE TABLE %I PARTITION OF audit_event FOR VALUES FROM (%L) TO (%L)', part, first, after);
  PERFORM audit_protect_partition(part);
  RETURN true;
END $$;
-- What the app may ask for: this month and the next three, nothing else. Tells how many of the four exist.
CREATE FUNCTION audit_prepare_months() RETURNS integer LANGUAGE sql VOLATILE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT count(*) FILTER (WHERE audit_add_partition((now() AT TIME ZONE 'UTC' + n * interval '1 month')::date))::integer
  FROM generate_series(0, 3) n
$$;
-- Safety net: an insertion never fails because a month was not prepared.
CREATE TABLE audit_event_default PARTITION OF audit_event DEFAULT;
SELECT audit_protect_partition('audit_event_default');

-- One seal: a signed Merkle root over the events of one organization whose transactions lie in [xid_from, xid_to).
-- `leaves` is 48 bytes an event (id, SHA-256): it names which event was changed, deleted or added.
CREATE TABLE audit_seal (
  tenant_id uuid NOT NULL,
  n bigint NOT NULL CHECK (n > 0),
  epoch integer NOT NULL,
  xid_from xid8 NOT NULL,
  xid_to xid8 NOT NULL,
  count integer NOT NULL CHECK (count > 0),
  root bytea NOT NULL CHECK (length(root) = 32),
  leaves bytea NOT NULL CHECK (length(leaves) = 48 * count),
  prev bytea NOT NULL CHECK (length(prev) = 32),
  sealed_at timestamptz NOT NULL,
  key_id bytea NOT NULL CHECK (length(key_id) = 8),
  hash bytea NOT NULL CHECK (length(hash) = 32),
  signature bytea NOT NULL CHECK (length(signature) = 64),
  PRIMARY KEY (tenant_id, n)
);
CREATE INDEX audit_seal_window ON audit_seal (tenant_id, epoch, xid_to);  -- in which seal does an event stand
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_seal FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit_seal EXECUTE FUNCTION audit_refuse();

-- Transaction ids start anew after a logical restore and run back after a physical one: each opens an epoch.
CREATE TABLE audit_epoch (
  epoch integer PRIMARY KEY,
  system_identifier text NOT NULL,
  first_xid xid8 NOT NULL,
  opened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE audit_mark (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  epoch integer NOT NULL,
  sealed_to xid8 NOT NULL,
  sealed_at timestamptz NOT NULL
);
CREATE FUNCTION audit_system_identifier() RETURNS text LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT system_identifier::text FROM pg_control_system() $$;
INSERT INTO audit_epoch (epoch, system_identifier, first_xid) VALUES (1, audit_system_identifier(), pg_current_xact_id());
INSERT INTO audit_mark (epoch, sealed_to, sealed_at) VALUES (1, pg_current_xact_id(), clock_timestamp());
-- The lock of ALTER TABLE waits for every writer: no transaction of the old epoch is open when the new one begins.
CREATE FUNCTION audit_open_epoch() RETURNS integer LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE following integer;
BEGIN
  LOCK TABLE audit_event IN ACCESS EXCLUSIVE MODE;
  SELECT max(epoch) + 1 INTO following FROM audit_epoch;
  EXECUTE format('ALTER TABLE audit_event ALTER COLUMN epoch SET DEFAULT %s', following);
  INSERT INTO audit_epoch (epoch, system_identifier, first_xid)
  VALUES (following, audit_system_identifier(), pg_current_xact_id());
  RETURN following;
END $$;

-- Events of no organization go to the operator's log, whatever scope is open: sign-in failures, sealing, key custody.
-- It can only add, only there, and neither time nor transaction id can be given.
CREATE FUNCTION audit_record_for_operator(
  p_id uuid, p_event text, p_result text, p_actor_kind text, p_actor_id uuid, p_actor_label text, p_on_behalf_of uuid,
  p_via text, p_session_id uuid, p_key_id uuid, p_request_id uuid, p_network text, p_subject_kind text, p_subject_id uuid,
  p_subject_ids uuid[], p_fields text[], p_facts jsonb, p_reason text) RETURNS uuid LANGUAGE plpgsql VOLATILE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE operator uuid;
BEGIN
  SELECT id INTO STRICT operator FROM tenancy_tenant WHERE kind = 'operator';
  INSERT INTO audit_event (tenant_id, id, event, result, actor_kind, actor_id, actor_label, on_behalf_of, via, session_id,
    key_id, request_id, network, subject_kind, subject_id, subject_ids, fields, facts, reason)
  VALUES (operator, p_id, p_event, p_result, p_actor_kind, p_actor_id, p_actor_label, p_on_behalf_of, p_via, p_session_id,
    p_key_id, p_request_id, p_network, p_subject_kind, p_subject_id, p_subject_ids, p_fields, p_facts, p_reason);
  RETURN operator;
END $$;

ALTER TABLE audit_event ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON audit_event TO strongbox_owner USING (true) WITH CHECK (true);
CREATE POLICY tenant ON audit_event TO strongbox_app
  USING (tenant_id = (SELECT app.ctx('tenant', true))) WITH CHECK (tenant_id = (SELECT app.ctx('tenant', true)));
-- A customer on the portal sees what they themselves did, nothing of the house.
CREATE POLICY customer ON audit_event AS RESTRICTIVE FOR SELECT TO strongbox_app
  USING (CASE WHEN (SELECT app.ctx('customer', false)) IS NULL THEN true
              ELSE actor_id = (SELECT app.ctx('user', false)) END);
CREATE POLICY sealer ON audit_event FOR SELECT TO strongbox_sealer USING (true);
GRANT SELECT, INSERT (tenant_id, id, event, result, actor_kind, actor_id, actor_label, on_behalf_of, via, session_id, key_id,
  request_id, network, subject_kind, subject_id, subject_ids, fields, facts, reason) ON audit_event TO strongbox_app;
GRANT SELECT ON audit_event TO strongbox_sealer;

ALTER TABLE audit_seal ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON audit_seal TO strongbox_owner USING (true) WITH CHECK (true);
CREATE POLICY tenant ON audit_seal FOR SELECT TO strongbox_app USING (tenant_id = (SELECT app.ctx('tenant', true)));
CREATE POLICY sealer ON audit_seal TO strongbox_sealer USING (true) WITH CHECK (true);
GRANT SELECT ON audit_seal TO strongbox_app;
GRANT SELECT, INSERT ON audit_seal TO strongbox_sealer;
GRANT SELECT ON audit_mark, audit_epoch TO strongbox_app, strongbox_sealer;
GRANT UPDATE (epoch, sealed_to, sealed_at) ON audit_mark TO strongbox_sealer;

REVOKE ALL ON FUNCTION audit_refuse(), audit_protect_partition(text), audit_add_partition(date), audit_prepare_months(),
  audit_system_identifier(), audit_open_epoch(),
  audit_record_for_operator(uuid, text, text, text, uuid, text, uuid, text, uuid, uuid, uuid, text, text, uuid, uuid[],
    text[], jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_prepare_months() TO strongbox_app;
GRANT EXECUTE ON FUNCTION audit_system_identifier() TO strongbox_sealer;
GRANT EXECUTE ON FUNCTION audit_record_for_operator(uuid, text, text, text, uuid, text, uuid, text, uuid, uuid, uuid, text,
  text, uuid, uuid[], text[], jsonb, text) TO strongbox_app, strongbox_sealer;
SELECT audit_prepare_months();
