CREATE SCHEMA app_private AUTHORIZATION strongbox_context;
CREATE SCHEMA app AUTHORIZATION strongbox_context;
SET LOCAL ROLE strongbox_context;
-- HMAC keys with the pads already applied: core PostgreSQL has sha256() but no hmac()
CREATE TABLE app_private.ctx_key (
  kid smallint PRIMARY KEY, ikey bytea NOT NULL CHECK (length(ikey) = 64), okey bytea NOT NULL CHECK (length(okey) = 64),
  bind_backend boolean NOT NULL);
-- token: kid.tenant.user.customer.expiry.mac; mac over all before it and the backend's pid (0 behind a transaction pooler)
-- RESTRICTED: a parallel worker has another pid. VOLATILE would be evaluated per row; STABLE is what policies need.
CREATE FUNCTION app.ctx(field text, required boolean) RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  raw text := current_setting('app.ctx', true); part text[]; key app_private.ctx_key; found_value text;
BEGIN
  IF coalesce(raw, '') = '' THEN RAISE EXCEPTION 'tenant context is not set' USING ERRCODE = '42501'; END IF;
  part := string_to_array(raw, '.');
  SELECT * INTO key FROM app_private.ctx_key WHERE kid::text = part[1];
  IF NOT FOUND OR cardinality(part) <> 6 OR encode(sha256(key.okey || sha256(key.ikey || convert_to(
       left(raw, -65) || '.' || CASE WHEN key.bind_backend THEN pg_backend_pid() ELSE 0 END, 'UTF8'))), 'hex') <> part[6]
  THEN RAISE EXCEPTION 'tenant context is forged' USING ERRCODE = '42501'; END IF;
  IF now() > to_timestamp(part[5]::bigint) THEN RAISE EXCEPTION 'tenant context is expired' USING ERRCODE = '42501'; END IF;
  found_value := part[CASE field WHEN 'tenant' THEN 2 WHEN 'user' THEN 3 WHEN 'customer' THEN 4 END];
  IF found_value = '' THEN
    IF required THEN RAISE EXCEPTION 'tenant context names no %', field USING ERRCODE = '42501'; END IF;
    RETURN NULL;
  END IF;
  RETURN found_value::uuid;
END $$;
-- the only way for the app role to set it: set_config itself is revoked. Not STABLE: it changes the transaction.
CREATE FUNCTION app.enter(token text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN PERFORM set_config('app.ctx', token, true); END $$;
-- tables of no organization: any signed context will do, an empty one too, and without one the query fails
CREATE FUNCTION app.entered() RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN PERFORM app.ctx('tenant', false); RETURN true; END $$;
REVOKE ALL ON FUNCTION app.ctx(text, boolean), app.enter(text), app.entered() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.ctx(text, boolean), app.enter(text), app.entered() TO strongbox_app, strongbox_rekey;
GRANT USAGE ON SCHEMA app TO strongbox_app, strongbox_rekey, strongbox_owner;
GRANT EXECUTE ON FUNCTION app.ctx(text, boolean) TO strongbox_owner;
RESET ROLE;
GRANT USAGE ON SCHEMA public TO strongbox_app, strongbox_sealer, strongbox_rekey;
