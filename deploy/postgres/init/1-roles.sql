-- Roles and schemas of a new database: one of each for every service, and a group
-- that reads what services publish. Run once, as a superuser, in the database of
-- Stridelog; the postgres image does so at its first start.
--
-- Passwords are read from the folder that the setting stridelog.secrets names.

CREATE ROLE stridelog_reader NOLOGIN;

DO $$
DECLARE
    service text;
    folder  text := coalesce(nullif(current_setting('stridelog.secrets', true), ''), '/run/secrets');
BEGIN
    FOREACH service IN ARRAY ARRAY['gateway', 'oauth', 'poller', 'projector', 'operator'] LOOP
        EXECUTE format('CREATE ROLE %I LOGIN PASSWORD %L', service,
                       btrim(pg_read_file(folder || '/postgres_' || service), E' \t\r\n'));
    END LOOP;

    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO gateway, oauth, poller, projector, operator', current_database());
    -- Each generation of the projector's tables is a schema of its own.
    EXECUTE format('GRANT CREATE ON DATABASE %I TO projector', current_database());
END $$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA gateway AUTHORIZATION gateway;
CREATE SCHEMA oauth AUTHORIZATION oauth;
CREATE SCHEMA poller AUTHORIZATION poller;
CREATE SCHEMA projector AUTHORIZATION projector;

-- The services grant their published views to the readers; whoever reads them must
-- be able to enter the schemas.
GRANT USAGE ON SCHEMA gateway, oauth, poller, projector TO stridelog_reader;
-- The operator looks a person up, for `stridelog import`.
GRANT stridelog_reader TO gateway, operator;

-- `stridelog rebuild` and `import` work as the owners of the tables that they write.
GRANT poller, projector TO operator;
