-- What each view and column holds, with its unit. Columns of workouts that
-- workouts_with_duplicates has too take over its comments, at the end.

COMMENT ON SCHEMA analytics IS 'Views for analysts: what is recorded, without tokens, names, e-mail addresses and account ids. docs/sql.md explains them.';

COMMENT ON VIEW analytics.workouts_with_duplicates IS 'One row per record of a workout that its provider still has. A workout that several providers or sources recorded has several rows; sum the view workouts instead.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.workout_id IS 'Id of the workout; the same after a rebuild and on every machine.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.user_id IS 'Id of the person; see users.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.provider IS 'Cloud that the record came from.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.external_id IS 'Id of the record at the provider.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.type IS 'Type of workout, such as running; other where the provider''s word is unknown.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.category IS 'Group of types, for charts.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.provider_type IS 'The provider''s own word for the type.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.name IS 'Title of the workout, written by the person or the provider.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.start_time IS 'Start, an instant.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.end_time IS 'End, an instant.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.zone_offset IS 'Offset from UTC at the start, such as +02:00; null where it is unknown.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.offset_source IS 'Where the offset is from: record, profile, import or unknown.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.local_date IS 'Civil date of the start, where the person was; null where the offset is unknown. Group days, weeks and months by it.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.local_start_time IS 'Civil date and time of the start, without a zone; null where the offset is unknown.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.duration_seconds IS 'From start to end, in seconds.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.active_duration_seconds IS 'Without pauses, in seconds.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.distance_meters IS 'Distance, in metres.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.calories_kcal IS 'Energy that was spent, in kilocalories.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.steps IS 'Number of steps.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.avg_heart_rate_bpm IS 'Average heart rate, in beats per minute.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.max_heart_rate_bpm IS 'Highest heart rate, in beats per minute.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.avg_speed_mps IS 'Average speed, in metres per second.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.avg_pace_sec_per_km IS 'Average pace, in seconds per kilometre.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.elevation_gain_meters IS 'Sum of all climbs, in metres.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.active_zone_minutes IS 'Minutes in higher heart rate zones as the provider counts them: one in its upper zones may count twice.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.recording_method IS 'How it came to be recorded: active (the person pressed start), automatic, manual or unknown.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.source IS 'App or service that the provider had the record from.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.device IS 'The provider''s id of the model of the device.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.device_type IS 'Kind of device, such as tracker, watch or phone.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.device_name IS 'Name of the device''s model.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.version IS 'Version of the record: the sequence of its fact in the log. It rises with each edit.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.created_at IS 'When the record was first read, an instant.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.updated_at IS 'When the present version was read, an instant.';
COMMENT ON COLUMN analytics.workouts_with_duplicates.duplicate_of IS 'The workout_id of the record that is shown in place of this one; null for those that are shown.';

COMMENT ON VIEW analytics.workouts IS 'One row per workout, as the API''s list shows them: neither records that the provider removed nor further records of the same workout.';

COMMENT ON VIEW analytics.workout_heart_rate_zones IS 'One row per workout of the view workouts and heart rate zone that its record tells.';
COMMENT ON COLUMN analytics.workout_heart_rate_zones.workout_id IS 'Id of the workout.';
COMMENT ON COLUMN analytics.workout_heart_rate_zones.user_id IS 'Id of the person.';
COMMENT ON COLUMN analytics.workout_heart_rate_zones.type IS 'Type of the workout.';
COMMENT ON COLUMN analytics.workout_heart_rate_zones.local_date IS 'Civil date of the workout''s start; null where the offset is unknown.';
COMMENT ON COLUMN analytics.workout_heart_rate_zones.position IS 'Place of the zone in the record''s list, from 1.';
COMMENT ON COLUMN analytics.workout_heart_rate_zones.zone IS 'Name of the zone: out_of_zone, fat_burn, cardio, peak; light, moderate, vigorous; zone_1 and so on where the person set them. Do not sum zones of different definitions.';
COMMENT ON COLUMN analytics.workout_heart_rate_zones.min_bpm IS 'Lower end, in beats per minute.';
COMMENT ON COLUMN analytics.workout_heart_rate_zones.max_bpm IS 'Upper end, in beats per minute.';
COMMENT ON COLUMN analytics.workout_heart_rate_zones.duration_seconds IS 'Time in the zone, in seconds.';
COMMENT ON COLUMN analytics.workout_heart_rate_zones.calories_kcal IS 'Energy that was spent in the zone, in kilocalories.';

COMMENT ON VIEW analytics.workout_versions IS 'One row per version of each record in workouts_with_duplicates: what the provider or an import said of it, edit by edit.';
COMMENT ON COLUMN analytics.workout_versions.workout_id IS 'Id of the workout.';
COMMENT ON COLUMN analytics.workout_versions.user_id IS 'Id of the person.';
COMMENT ON COLUMN analytics.workout_versions.version IS 'Sequence of the version''s fact in the log.';
COMMENT ON COLUMN analytics.workout_versions.is_current IS 'True for the version that workouts_with_duplicates shows.';
COMMENT ON COLUMN analytics.workout_versions.event IS 'What the version did: recorded, updated or removed.';
COMMENT ON COLUMN analytics.workout_versions.origin IS 'Where it is from: api or import.';
COMMENT ON COLUMN analytics.workout_versions.at IS 'When it was read, an instant.';
COMMENT ON COLUMN analytics.workout_versions.normalizer_version IS 'Version of the program''s reading of this format; 0 for a removal and for an unknown format.';
COMMENT ON COLUMN analytics.workout_versions.is_readable IS 'False where no workout could be made of it; the columns after this one are null then, and for a removal.';
COMMENT ON COLUMN analytics.workout_versions.type IS 'Type of workout in this version.';
COMMENT ON COLUMN analytics.workout_versions.start_time IS 'Start in this version, an instant.';
COMMENT ON COLUMN analytics.workout_versions.duration_seconds IS 'From start to end in this version, in seconds.';
COMMENT ON COLUMN analytics.workout_versions.distance_meters IS 'Distance in this version, in metres.';
COMMENT ON COLUMN analytics.workout_versions.calories_kcal IS 'Energy in this version, in kilocalories.';
COMMENT ON COLUMN analytics.workout_versions.steps IS 'Number of steps in this version.';

COMMENT ON VIEW analytics.users IS 'One row per person. Names and e-mail addresses are not here.';
COMMENT ON COLUMN analytics.users.user_id IS 'Id of the person.';
COMMENT ON COLUMN analytics.users.external_user_id IS 'The client''s own id of the person; null where it gave none.';
COMMENT ON COLUMN analytics.users.created_at IS 'When the person was made here, an instant.';

COMMENT ON VIEW analytics.connections IS 'One row per consent of a person at a provider, ended ones too. Tokens and account ids are not here.';
COMMENT ON COLUMN analytics.connections.connection_id IS 'Id of the connection.';
COMMENT ON COLUMN analytics.connections.user_id IS 'Id of the person.';
COMMENT ON COLUMN analytics.connections.provider IS 'Cloud that the consent is for.';
COMMENT ON COLUMN analytics.connections.status IS 'active, degraded, action_required, revoked or provider_retired.';
COMMENT ON COLUMN analytics.connections.status_since IS 'Since when the connection has its status, an instant.';
COMMENT ON COLUMN analytics.connections.reason IS 'Why it has its status; null where there is nothing to say.';
COMMENT ON COLUMN analytics.connections.next_action IS 'What somebody has to do; null for nothing.';
COMMENT ON COLUMN analytics.connections.scope IS 'What the person allowed, in the provider''s words.';
COMMENT ON COLUMN analytics.connections.created_at IS 'When the person first gave the consent, an instant.';
COMMENT ON COLUMN analytics.connections.updated_at IS 'When the connection last changed, an instant.';
COMMENT ON COLUMN analytics.connections.last_synced_at IS 'End of the last sync that read everything, an instant; null where there was none.';
COMMENT ON COLUMN analytics.connections.next_sync_at IS 'When the provider is asked again, an instant; null where it is not.';

COMMENT ON VIEW analytics.connection_history IS 'One row per change of a connection, as the log has it.';
COMMENT ON COLUMN analytics.connection_history.connection_id IS 'Id of the connection.';
COMMENT ON COLUMN analytics.connection_history.user_id IS 'Id of the person.';
COMMENT ON COLUMN analytics.connection_history.provider IS 'Cloud that the consent is for.';
COMMENT ON COLUMN analytics.connection_history.event IS 'activated, status_changed or revoked.';
COMMENT ON COLUMN analytics.connection_history.status IS 'Status from then on.';
COMMENT ON COLUMN analytics.connection_history.reason IS 'Why; empty where there is nothing to say.';
COMMENT ON COLUMN analytics.connection_history.at IS 'When it changed, an instant.';
COMMENT ON COLUMN analytics.connection_history.sequence IS 'Place of the change in the log; a higher one is later.';

COMMENT ON VIEW analytics.coverage IS 'One row per stretch of time that was read completely of a connection''s account. What is between two stretches was not read: no workouts there does not mean that there were none.';
COMMENT ON COLUMN analytics.coverage.connection_id IS 'Id of the connection.';
COMMENT ON COLUMN analytics.coverage.user_id IS 'Id of the person.';
COMMENT ON COLUMN analytics.coverage.provider IS 'Cloud that was read.';
COMMENT ON COLUMN analytics.coverage.kind IS 'Kind of data that was read.';
COMMENT ON COLUMN analytics.coverage.covered_from IS 'Begin of the stretch, an instant that is part of it.';
COMMENT ON COLUMN analytics.coverage.covered_to IS 'End of the stretch, an instant that is not part of it.';

COMMENT ON VIEW analytics.syncs IS 'One row per sync: one reading of one span of time. Scheduled ones are here only where they found a change or ended otherwise than the one before.';
COMMENT ON COLUMN analytics.syncs.sync_id IS 'Id of the sync.';
COMMENT ON COLUMN analytics.syncs.user_id IS 'Id of the person.';
COMMENT ON COLUMN analytics.syncs.provider IS 'Cloud that is read.';
COMMENT ON COLUMN analytics.syncs.connection_id IS 'Connection that is read.';
COMMENT ON COLUMN analytics.syncs.trigger IS 'Why it runs: connect, manual, backfill, notification or scheduled.';
COMMENT ON COLUMN analytics.syncs.status IS 'queued, running or deferred; once it has ended success, partial or failed.';
COMMENT ON COLUMN analytics.syncs.requested_at IS 'When it was asked for, an instant.';
COMMENT ON COLUMN analytics.syncs.finished_at IS 'When it ended, an instant; null before.';
COMMENT ON COLUMN analytics.syncs.not_before IS 'A deferred sync goes on at this instant.';
COMMENT ON COLUMN analytics.syncs.window_from IS 'Begin of the span that is to be read, an instant that is part of it.';
COMMENT ON COLUMN analytics.syncs.window_to IS 'End of that span, an instant that is not part of it.';
COMMENT ON COLUMN analytics.syncs.covered_from IS 'Begin of what was read, an instant.';
COMMENT ON COLUMN analytics.syncs.covered_to IS 'End of what was read, an instant.';
COMMENT ON COLUMN analytics.syncs.pages IS 'Number of the provider''s pages that were read.';
COMMENT ON COLUMN analytics.syncs.records_seen IS 'Number of records that were read.';
COMMENT ON COLUMN analytics.syncs.records_new IS 'Number of records that were not known.';
COMMENT ON COLUMN analytics.syncs.records_changed IS 'Number of known records that had changed.';
COMMENT ON COLUMN analytics.syncs.records_unchanged IS 'Number of known records that had not.';
COMMENT ON COLUMN analytics.syncs.records_removed IS 'Number of records that the provider no longer has.';
COMMENT ON COLUMN analytics.syncs.records_rejected IS 'Number of records that could not be read.';
COMMENT ON COLUMN analytics.syncs.error_code IS 'Why it did not succeed, as a code; null where it did.';

DO $$
DECLARE
    taken record;
BEGIN
    FOR taken IN
        SELECT own.attname, col_description(other.attrelid, other.attnum) AS comment
        FROM pg_attribute own
        JOIN pg_attribute other ON other.attrelid = 'analytics.workouts_with_duplicates'::regclass AND other.attname = own.attname
        WHERE own.attrelid = 'analytics.workouts'::regclass AND own.attnum > 0
    LOOP
        EXECUTE format('COMMENT ON COLUMN analytics.workouts.%I IS %L', taken.attname, taken.comment);
    END LOOP;
END $$;
