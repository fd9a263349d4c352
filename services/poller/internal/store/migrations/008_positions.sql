-- Up to where each durable has acknowledged everything, see platform/postgres/positions.
-- A database of an earlier program begins with what was seen.
CREATE TABLE poller.positions (
    stream       text NOT NULL,
    durable      text NOT NULL,
    epoch        text NOT NULL,   -- of the stream; a sequence means nothing without it
    acknowledged bigint NOT NULL,
    PRIMARY KEY (stream, durable)
);
INSERT INTO poller.positions SELECT 'STRIDELOG_FACTS', durable, epoch, sequence FROM poller.progress WHERE epoch <> '';
