-- An import of an export archive. A row with uploads waits for a worker, or is
-- worked on; one without belongs to a command, which holds the lease itself.
CREATE TABLE poller.imports (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL,
    provider     text COLLATE "C" NOT NULL,
    kind         text NOT NULL,
    dry_run      boolean NOT NULL,
    uploads      jsonb NOT NULL DEFAULT '[]', -- files in the bucket; they are deleted after use
    status       text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'success', 'partial', 'failed')),
    report       jsonb NOT NULL DEFAULT '{}', -- how far it is, then what it did
    error        jsonb,                       -- {code, message}
    attempts     int NOT NULL DEFAULT 0,      -- that failed in a row for a reason of ours
    not_before   timestamptz,
    trace        text NOT NULL DEFAULT '',    -- traceparent of the request
    requested_at timestamptz NOT NULL,
    started_at   timestamptz,                 -- set once: every fact of the import carries it
    finished_at  timestamptz,
    lease_owner  text,
    lease_until  timestamptz,
    lease_token  bigint NOT NULL DEFAULT 0,
    stopped      boolean NOT NULL DEFAULT false -- the user is being erased: whoever works on it lets go
);
CREATE INDEX imports_user ON poller.imports (user_id, requested_at, id);
CREATE INDEX imports_work ON poller.imports (requested_at) WHERE status IN ('queued', 'running') OR uploads <> '[]';

CREATE VIEW poller.view_imports_v1 AS
SELECT id AS import_id, user_id, provider, kind, dry_run, status, report, error, requested_at, started_at, finished_at
  FROM poller.imports;
