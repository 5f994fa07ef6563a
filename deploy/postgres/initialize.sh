#!/bin/sh
# Runs once, when the data folder is empty: the roles, what only a superuser may revoke, and the database.
set -eu

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\i /run/secrets/postgres_roles
\i /etc/postgresql/roles.sql
\connect template1
\i /etc/postgresql/template1.sql
REVOKE ALL ON DATABASE template1 FROM PUBLIC;
\connect postgres
CREATE DATABASE strongbox OWNER strongbox_owner;
REVOKE ALL ON DATABASE strongbox FROM PUBLIC;
GRANT CONNECT ON DATABASE strongbox TO strongbox_app, strongbox_sealer, strongbox_rekey, strongbox_backup, strongbox_restore;
GRANT CONNECT, TEMPORARY ON DATABASE strongbox TO strongbox_bulk;
SQL
