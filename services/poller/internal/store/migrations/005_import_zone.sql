-- The zone that whoever asked for an import stated, by its IANA name; empty when they
-- stated none.
ALTER TABLE poller.imports ADD COLUMN time_zone text NOT NULL DEFAULT '';
