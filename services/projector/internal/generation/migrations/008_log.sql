-- Which log the tables are made from, for every role of the database: whoever writes
-- compares it with the log at hand first. It says nothing of anybody.
CREATE VIEW projector.view_log_v1 AS SELECT epoch FROM projector.serving;
GRANT USAGE ON SCHEMA projector TO PUBLIC;
GRANT SELECT ON projector.view_log_v1 TO PUBLIC;
