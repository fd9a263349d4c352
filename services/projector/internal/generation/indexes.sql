-- Apart from the tables, because a rebuild fills them first.
ALTER TABLE workout_versions ADD PRIMARY KEY (workout_id, sequence);
CREATE INDEX workout_versions_by_user ON workout_versions (user_id, sequence);
CREATE INDEX workout_versions_problems ON workout_versions (sequence) WHERE problem IS NOT NULL;

ALTER TABLE workouts ADD PRIMARY KEY (id);
-- The order of a list of one type: a page of a rare one does not walk the history. Its
-- condition keeps the planner from using it for spans of a person, which it takes for as
-- cheap as by the next index while tables are empty.
CREATE INDEX workouts_by_type ON workouts (user_id, type, start_time DESC, id DESC) WHERE removed_at IS NULL;
-- The order of lists; every column descends, so that a page is one plain index scan.
CREATE INDEX workouts_by_start ON workouts (user_id, start_time DESC, id DESC);
CREATE INDEX workouts_duplicates ON workouts (duplicate_of) WHERE duplicate_of IS NOT NULL;

ALTER TABLE workout_routes ADD PRIMARY KEY (workout_id, sequence);
CREATE INDEX workout_routes_by_user ON workout_routes (user_id, sequence);

ALTER TABLE unlinked_islands ADD PRIMARY KEY (user_id, since);

ALTER TABLE record_counts ADD PRIMARY KEY (user_id, kind, provider, type, hidden);

ALTER TABLE connection_history ADD PRIMARY KEY (sequence);
CREATE INDEX connection_history_by_user ON connection_history (user_id, sequence);

ALTER TABLE unknown_facts ADD PRIMARY KEY (sequence);
CREATE INDEX unknown_facts_by_user ON unknown_facts (user_id);
CREATE INDEX unknown_facts_by_type ON unknown_facts (type, format, sequence);
