-- The last message that each durable has given us. A durable that acknowledged more
-- than this shows that the database is older than the log.
CREATE TABLE poller.progress (
    durable  text PRIMARY KEY,
    epoch    text NOT NULL,
    sequence bigint NOT NULL
);
INSERT INTO poller.progress (durable, epoch, sequence)
SELECT 'poller_connections', coalesce((SELECT max(stream_epoch) FROM poller.targets), ''), max(sequence)
  FROM poller.connections HAVING count(*) > 0;
