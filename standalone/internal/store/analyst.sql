-- The role that reads the views for analysts, as deploy/postgres/init/2-analyst.sql makes
-- it; a test holds the settings to those there. The services of an embedded system are
-- the superuser, so nothing is granted to them.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'stridelog_analyst') THEN
        CREATE ROLE stridelog_analyst;
    END IF;
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END $$;

ALTER ROLE stridelog_analyst LOGIN CONNECTION LIMIT 16;
ALTER ROLE stridelog_analyst SET statement_timeout = '60s';
ALTER ROLE stridelog_analyst SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE stridelog_analyst SET default_transaction_read_only = on;
ALTER ROLE stridelog_analyst SET search_path = analytics;
ALTER ROLE stridelog_analyst SET timezone = 'UTC';
