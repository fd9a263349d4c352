-- The zone that a person lives in, by its name in the time zone database.
ALTER TABLE gateway.users
    ADD COLUMN time_zone        text,
    ADD COLUMN time_zone_source text CHECK (time_zone_source IN ('client', 'import')), -- who said it
    ADD COLUMN time_zone_since  timestamptz,                                           -- since when it stands here
    ADD CONSTRAINT users_time_zone CHECK (num_nulls(time_zone, time_zone_source, time_zone_since) IN (0, 3))
