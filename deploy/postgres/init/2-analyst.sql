-- The schema of the views for analysts, and the role that reads them and nothing else:
-- docs/sql.md. The gateway defines the views. Run after 1-roles.sql, as a superuser, in
-- the database of Stridelog; running it again changes nothing but the password.
--
-- The password is read from the folder that the setting stridelog.secrets names.

DO $$
DECLARE
    folder text := coalesce(nullif(current_setting('stridelog.secrets', true), ''), '/run/secrets');
    held   regprocedure;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'stridelog_analyst') THEN
        CREATE ROLE stridelog_analyst;
    END IF;
    EXECUTE format('ALTER ROLE stridelog_analyst PASSWORD %L', btrim(pg_read_file(folder || '/postgres_analyst'), E' \t\r\n'));
    -- No TEMPORARY: temporary tables would fill the disk.
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO stridelog_analyst', current_database());

    -- Everybody may take advisory locks and make large objects. A role that only reads could
    -- stop the services with the one and fill the disk with the other.
    FOR held IN
        SELECT oid::regprocedure FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^(pg_(try_)?advisory_|lo_)'
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', held);
        IF held::text !~ '^lo_' THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO gateway, oauth, poller, projector, operator', held);
        END IF;
    END LOOP;
END $$;

-- A query that runs keeps the tables that it reads from being replaced: none runs long.
ALTER ROLE stridelog_analyst LOGIN CONNECTION LIMIT 16;
ALTER ROLE stridelog_analyst SET statement_timeout = '60s';
ALTER ROLE stridelog_analyst SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE stridelog_analyst SET default_transaction_read_only = on;
ALTER ROLE stridelog_analyst SET search_path = analytics;
ALTER ROLE stridelog_analyst SET timezone = 'UTC';

CREATE SCHEMA IF NOT EXISTS analytics AUTHORIZATION gateway;
