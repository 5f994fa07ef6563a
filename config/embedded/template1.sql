-- What only a superuser may revoke; applied to template1, so that every database made later inherits it.
REVOKE ALL ON SCHEMA public FROM PUBLIC;

-- Built-in functions that let one statement change the session, outlive the transaction, run text as SQL or hurt
-- other sessions: what an injected statement would reach for.
DO $$ DECLARE f regprocedure; BEGIN
  FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND (
      proname IN ('set_config', 'pg_terminate_backend', 'pg_cancel_backend', 'pg_notify', 'pg_logical_emit_message',
                  'query_to_xml', 'query_to_xml_and_xmlschema', 'query_to_xmlschema', 'cursor_to_xml', 'cursor_to_xmlschema',
                  'ts_stat', 'ts_rewrite', 'pg_sleep', 'pg_sleep_for', 'pg_sleep_until', 'pg_export_snapshot')
      -- A lock of the session outlives the transaction, and the connection goes back to the pool with it.
      OR proname ~ '^pg_(try_)?advisory_lock'
      OR proname ~ '^(lo_|lowrite|loread)' OR proname ~ '^(table|schema|database)_to_xml') LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO strongbox_owner', f);
  END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO strongbox_context;
-- Blocks of code that an injected DO would bring along; functions are the owner's to make, and run without this.
REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC;
GRANT USAGE ON LANGUAGE plpgsql TO strongbox_owner, strongbox_context;
