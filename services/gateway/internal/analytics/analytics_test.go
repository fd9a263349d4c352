package analytics_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/gateway/internal/analytics"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

// defined is a running gateway whose views for analysts are there.
func defined(t *testing.T) *gatewaytest.System {
	t.Helper()
	s := gatewaytest.New(t)
	if err := analytics.Define(t.Context(), s.DB); err != nil { // beside the gateway, which does it too
		t.Fatal(err)
	}
	return s
}

func awaitViews(t *testing.T, s *gatewaytest.System) {
	t.Helper()
	s.Await("the definition of the views for analysts", func() bool {
		var there int
		s.Scan(`SELECT count(*) FROM pg_views WHERE schemaname = $1`, []any{analytics.Schema}, &there)
		return there == len(analytics.Views())
	})
}

func of[T any](v T) *T { return &v }

// full is a workout that tells everything.
func full(user uuid.UUID) events.Workout {
	start := time.Date(2026, 11, 15, 23, 30, 0, 0, time.UTC)
	return events.Workout{
		ID: uuid.NewString(), UserID: user.String(), ExternalID: "e-1", Type: "running", Category: "running", ProviderType: of("Run"),
		Name: of("Lauf am Fluß \"ö\""), StartTime: start, EndTime: start.Add(time.Hour), ZoneOffset: of("+05:30"), OffsetSource: "record",
		LocalDate: of("2026-11-16"), DurationSeconds: 3600, ActiveDurationSeconds: of(3500.5),
		Source: events.WorkoutSource{
			Provider: "fitbit", Source: of("com.example.app"), Device: of("d-7"), DeviceType: of("tracker"), DeviceName: of("Charge 6"),
		},
		RecordingMethod: events.RecordingActive, CaloriesKcal: of(612.25), DistanceMeters: of(10012.5), Steps: of(int64(9001)),
		AvgHeartRateBPM: of(141), MaxHeartRateBPM: of(171), AvgSpeedMPS: of(2.75), AvgPaceSecPerKM: of(360.5), ElevationGainMeters: of(55.5),
		ActiveZoneMinutes: of(66), HeartRateZones: []events.HeartRateZone{
			{Zone: "fat_burn", MinBPM: of(94), MaxBPM: of(130), DurationSeconds: of(1200.0), CaloriesKcal: of(100.5)},
			{Zone: "peak", MinBPM: of(160), DurationSeconds: of(0.0)},
		},
		Version: 17,
	}
}

// store writes a workout's row as the projector does.
func store(t *testing.T, s *gatewaytest.System, w events.Workout, duplicateOf *string) {
	t.Helper()
	doc, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	s.Exec(`INSERT INTO projector.workouts (id, user_id, external_id, type, category, start_time, local_date, duplicate_of, version, doc)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		w.ID, w.UserID, w.ExternalID, w.Type, w.Category, w.StartTime, w.LocalDate, duplicateOf, int64(w.Version), string(doc))
}

// row is one row of a view, by its columns.
func row(t *testing.T, s *gatewaytest.System, sql string, args ...any) map[string]any {
	t.Helper()
	rows, err := s.DB.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	one, err := pgx.CollectExactlyOneRow(rows, pgx.RowToMap)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return one
}

// scalars are the members of a struct that hold one value, by the names that JSON has.
func scalars(v reflect.Value) map[string]any {
	found := map[string]any{}
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		field := v.Field(i)
		if field.Kind() == reflect.Pointer {
			if field.IsNil() {
				found[name] = nil
				continue
			}
			field = field.Elem()
		}
		switch field.Kind() {
		case reflect.Slice: // heart rate zones, details
		case reflect.Struct:
			if at, is := field.Interface().(time.Time); is {
				found[name] = at
				continue
			}
			for inner, value := range scalars(field) {
				found[inner] = value
			}
		default:
			found[name] = field.Interface()
		}
	}
	return found
}

// Every member of a workout that holds one value is a column with the same value,
// whether the provider told it or not.
func TestEveryMemberOfAWorkoutIsAColumn(t *testing.T) {
	s := defined(t)
	user := s.User()
	bare := events.Workout{
		ID: uuid.NewString(), UserID: user.String(), ExternalID: "e-2", Type: "yoga", Category: "mind_body",
		StartTime: time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC), EndTime: time.Date(2026, 11, 20, 6, 30, 0, 0, time.UTC),
		OffsetSource: "unknown", DurationSeconds: 1800, Source: events.WorkoutSource{Provider: "fitbit"},
		RecordingMethod: events.RecordingUnknown, DistanceMeters: of(0.0), Version: 18,
	}
	for _, w := range []events.Workout{full(user), bare} {
		store(t, s, w, nil)
		got := row(t, s, `SELECT * FROM analytics.workouts WHERE external_id = $1`, w.ExternalID)
		members := scalars(reflect.ValueOf(w))
		if len(members) < 29 {
			t.Fatalf("only %d members were found", len(members))
		}
		for name, want := range members {
			column := strings.Replace(name, "id", "workout_id", 1)
			if name != "id" {
				column = name
			}
			value, there := got[column]
			if !there {
				t.Errorf("member %s is no column", name)
			}
			if printed(value) != printed(want) {
				t.Errorf("%s of %s is %v, want %v", column, w.ExternalID, printed(value), printed(want))
			}
		}
	}
	got := row(t, s, `SELECT local_start_time::text AS local, pg_typeof(distance_meters)::text AS distance, pg_typeof(steps)::text AS steps
		FROM analytics.workouts WHERE external_id = 'e-1'`)
	if want := "map[distance:double precision local:2026-11-16 05:00:00 steps:bigint]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// printed is a value as text, so that types of Go and of pgx compare.
func printed(v any) string {
	switch v := v.(type) {
	case time.Time:
		if v.Equal(v.Truncate(24*time.Hour)) && v.Location() == time.UTC {
			return v.Format(time.DateOnly)
		}
		return v.UTC().Format(time.RFC3339Nano)
	case [16]byte:
		return uuid.UUID(v).String()
	}
	return fmt.Sprint(v)
}

// One workout is one row: what was removed is nowhere, and a further record of the same
// workout is in the view that says so alone.
func TestRemovedRecordsAndDuplicatesAreNotSummed(t *testing.T) {
	s := defined(t)
	user := s.User()
	shown, hidden, removed := full(user), full(user), full(user)
	hidden.ID, hidden.ExternalID, removed.ID, removed.ExternalID = uuid.NewString(), "e-2", uuid.NewString(), "e-3"
	store(t, s, shown, nil)
	store(t, s, hidden, &shown.ID)
	store(t, s, removed, nil)
	for _, w := range []events.Workout{shown, removed} {
		s.Exec(`INSERT INTO projector.versions (workout_id, user_id, sequence, event, event_id, fact_id, origin, at, normalizer_version, doc)
			SELECT id, user_id, version, 'recorded', '', '', 'api', now(), 1, doc FROM projector.workouts WHERE id = $1`, w.ID)
	}
	s.Exec(`UPDATE projector.workouts SET removed_at = now(), doc = NULL, local_date = NULL WHERE id = $1`, removed.ID)
	for sql, want := range map[string]string{
		`SELECT count(*)::text || ' ' || sum(distance_meters) FROM analytics.workouts`:                                                                                         "1 10012.5",
		`SELECT string_agg(external_id || coalesce(duplicate_of::text, ''), ' ' ORDER BY external_id) FROM analytics.workouts_with_duplicates`:                                 "e-1 e-2" + shown.ID,
		`SELECT string_agg(concat_ws(' ', position, zone, min_bpm, max_bpm, duration_seconds, calories_kcal), ', ' ORDER BY position) FROM analytics.workout_heart_rate_zones`: "1 fat_burn 94 130 1200 100.5, 2 peak 160 0",
		`SELECT string_agg(concat_ws(' ', workout_id, version, is_current, is_readable, distance_meters), ', ') FROM analytics.workout_versions`:                               shown.ID + " 17 t t 10012.5",
	} {
		var got string
		if s.Scan(sql, nil, &got); got != want {
			t.Errorf("%s\n  gives %s\n  want  %s", sql, got, want)
		}
	}
}

// Ended, running, deferred and merely requested syncs are one row each.
func TestASyncIsOneRowWhateverServiceKnowsIt(t *testing.T) {
	s := defined(t)
	user, at := s.User(), time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC)
	ended, open, asked := uuid.New(), uuid.New(), uuid.New()
	for _, id := range []uuid.UUID{ended, open, asked} {
		s.Exec(`INSERT INTO gateway.sync_requests (sync_id, user_id, provider, trigger, window_from, window_to, requested_at)
			VALUES ($1, $2, 'fitbit', 'manual', $3, $4, $4)`, id, user, at.Add(-time.Hour), at)
	}
	for _, id := range []uuid.UUID{ended, open} {
		s.Exec(`INSERT INTO poller.syncs VALUES ($1, $2, 'fitbit', $3, 'manual', $4, $5, 'running', NULL, '{"pages": 1, "new": 2}', $5)`, id, user, uuid.New(), at.Add(-time.Hour), at)
	}
	s.Exec(`INSERT INTO projector.syncs VALUES ($1, $2, 'fitbit', NULL, 'manual', $3, $4, $3, $4, 'partial', NULL,
		'{"pages": 3, "seen": 40, "new": 30, "rejected": 1}', '{"code": "records_rejected", "message": "…"}', $4, $4, 1)`, ended, user, at.Add(-time.Hour), at)
	s.Exec(`INSERT INTO projector.syncs VALUES ($1, $2, 'fitbit', NULL, 'manual', $3, $4, NULL, NULL, 'queued', NULL, NULL, NULL, $4, NULL, 0)`, open, user, at.Add(-time.Hour), at)
	var got []string
	rows, err := s.DB.Query(t.Context(), `SELECT concat_ws(' ', sync_id, status, pages, records_seen, records_new, records_rejected, error_code) FROM analytics.syncs WHERE user_id = $1`, user)
	if err == nil {
		got, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil {
		t.Fatal(err)
	}
	want := []string{ended.String() + " partial 3 40 30 1 records_rejected", open.String() + " running 1 2", asked.String() + " queued"}
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// A gateway that starts first serves, and defines the views once the others have
// published what they read.
func TestTheViewsComeWhenTheOtherServicesHavePublishedTheirs(t *testing.T) {
	s := gatewaytest.Stores(t)
	s.Start(s.Config())
	s.Call("GET", "/healthz", "", 200, nil)
	var there int
	if s.Scan(`SELECT count(*) FROM pg_views WHERE schemaname = $1`, []any{analytics.Schema}, &there); there != 0 {
		t.Fatalf("%d views are there before what they read", there)
	}
	s.Publish()
	awaitViews(t, s)
}

// A program adds columns at the end. An older one that starts beside it leaves them there.
func TestAnOlderProgramLeavesTheViewsOfANewerOneAlone(t *testing.T) {
	s := defined(t)
	s.Exec(`CREATE OR REPLACE VIEW analytics.users AS SELECT id AS user_id, external_user_id, created_at, 1 AS later FROM gateway.users`)
	s.Exec(`COMMENT ON SCHEMA analytics IS 'of a newer program'`)
	user := s.User()
	if err := analytics.Define(t.Context(), s.DB); err != nil {
		t.Fatal(err)
	}
	if got := row(t, s, `SELECT * FROM analytics.users`); printed(got["user_id"]) != user.String() || got["later"] != int32(1) {
		t.Errorf("the newer view gives %v", got)
	}
}

// A view that is gone, as by DROP … CASCADE of what it reads, comes back with the next start.
func TestAViewThatIsGoneIsDefinedAgain(t *testing.T) {
	s := defined(t)
	s.Exec(`DROP VIEW analytics.workouts_with_duplicates CASCADE`)
	if err := analytics.Define(t.Context(), s.DB); err != nil {
		t.Fatal(err)
	}
	awaitViews(t, s)
}
