-- The database roles and what a superuser alone may set for them. Safe to run again: it states what is to be.
-- Variables (SCRAM verifiers, never passwords): owner_password, app_password, bulk_password, sealer_password, rekey_password,
-- backup_password, replication_password, restore_password.
SELECT format('CREATE ROLE %I', wanted) FROM unnest(ARRAY[
    'strongbox_context', 'strongbox_owner', 'strongbox_app', 'strongbox_bulk', 'strongbox_sealer', 'strongbox_rekey',
    'strongbox_backup', 'strongbox_replication', 'strongbox_restore'])
  AS wanted
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) \gexec

ALTER ROLE strongbox_context NOLOGIN;                          -- owns the context key and the functions that check it
ALTER ROLE strongbox_owner LOGIN CREATEDB PASSWORD :'owner_password';   -- migrations
ALTER ROLE strongbox_app LOGIN PASSWORD :'app_password' CONNECTION LIMIT 90;
ALTER ROLE strongbox_bulk LOGIN PASSWORD :'bulk_password' CONNECTION LIMIT 20;
ALTER ROLE strongbox_sealer LOGIN PASSWORD :'sealer_password' CONNECTION LIMIT 10;
ALTER ROLE strongbox_rekey LOGIN PASSWORD :'rekey_password' CONNECTION LIMIT 10;
-- Copies the cluster and streams its changes; it cannot ask a question of any database.
ALTER ROLE strongbox_replication LOGIN REPLICATION PASSWORD :'replication_password' CONNECTION LIMIT 10;
-- Sees how the server fares; reads no table.
ALTER ROLE strongbox_backup LOGIN PASSWORD :'backup_password' CONNECTION LIMIT 10;
GRANT pg_monitor TO strongbox_backup;
-- Puts one organization's rows back as they were: past triggers, which would call that a change of finalized things.
-- Its password is in no process: the administrator hands it to one command, after two people have agreed.
ALTER ROLE strongbox_restore LOGIN PASSWORD :'restore_password' CONNECTION LIMIT 2;
GRANT strongbox_owner TO strongbox_restore WITH INHERIT TRUE, SET FALSE;
GRANT SET ON PARAMETER session_replication_role TO strongbox_restore;
GRANT strongbox_context TO strongbox_owner WITH INHERIT FALSE, SET TRUE;
GRANT pg_signal_backend TO strongbox_owner;
-- Whatever the app may, under the same policies, and temporary tables (granted on each database): billing runs and imports.
GRANT strongbox_app TO strongbox_bulk WITH INHERIT TRUE, SET FALSE;

-- Set by the superuser; a role may not change for itself those marked (su).
ALTER ROLE strongbox_app SET track_activities = off;           -- (su) other sessions of this role see no query text
ALTER ROLE strongbox_app SET log_parameter_max_length = 0;     -- (su) bound parameters never in the log
ALTER ROLE strongbox_app SET log_parameter_max_length_on_error = 0;   -- a role may change this: hence none by default
ALTER ROLE strongbox_app SET log_min_error_statement = 'panic';       -- (su) a failing statement's text is not logged
ALTER ROLE strongbox_app SET log_min_messages = 'fatal';       -- (su) nor the error, whose detail quotes row values
ALTER ROLE strongbox_app SET statement_timeout = '30s';
ALTER ROLE strongbox_app SET transaction_timeout = '120s';     -- now() stands still in a transaction: bounds an old context
ALTER ROLE strongbox_app SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE strongbox_app SET lock_timeout = '10s';
ALTER ROLE strongbox_app SET row_security = on;

SELECT format('ALTER ROLE %I SET %s', role, setting)
FROM unnest(ARRAY['strongbox_sealer', 'strongbox_rekey', 'strongbox_backup', 'strongbox_restore']) AS role,
     unnest(ARRAY['track_activities = off', 'log_parameter_max_length = 0', 'log_parameter_max_length_on_error = 0',
                  'log_min_error_statement = ''panic''', 'log_min_messages = ''fatal''', 'row_security = on',
                  'idle_in_transaction_session_timeout = ''60s''', 'lock_timeout = ''10s''']) AS setting \gexec

-- A role's settings are not inherited: the same as the app's, with more time for a chunk.
SELECT format('ALTER ROLE strongbox_bulk SET %s', setting)
FROM unnest(ARRAY['track_activities = off', 'log_parameter_max_length = 0', 'log_parameter_max_length_on_error = 0',
                  'log_min_error_statement = ''panic''', 'log_min_messages = ''fatal''', 'row_security = on',
                  'statement_timeout = ''60s''', 'transaction_timeout = ''120s''', 'lock_timeout = ''10s''',
                  'idle_in_transaction_session_timeout = ''30s''']) AS setting \gexec

-- Django sets the time zone of a session by set_config, which is revoked, unless the role already has UTC.
SELECT format('ALTER ROLE %I SET %s', role, setting)
FROM unnest(ARRAY['strongbox_app', 'strongbox_bulk', 'strongbox_sealer', 'strongbox_rekey', 'strongbox_owner',
                  'strongbox_backup', 'strongbox_restore']) AS role,
     unnest(ARRAY['TimeZone = ''UTC''', 'search_path = ''public''']) AS setting \gexec
-- A temporary table would be found before one of ours of the same name, unless its schema is named last.
ALTER ROLE strongbox_bulk SET search_path = public, pg_temp;

REVOKE ALL ON DATABASE postgres FROM PUBLIC;
GRANT CONNECT ON DATABASE postgres TO strongbox_owner;         -- from there databases are made and dropped
