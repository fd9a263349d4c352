package events_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
)

const (
	sampleUser       = "5b0e7c1e-6f0a-4f43-9a8e-0a4d1f1c2b3d"
	sampleConnection = "0e9f8a77-1d52-4c8e-8e55-3d2a7b6c5f41"
	sampleSync       = "7c3d2b1a-9f8e-4d7c-8b6a-5f4e3d2c1b0a"
	sampleImport     = "1f2e3d4c-5b6a-4978-8695-a4b3c2d1e0f9"
	sampleExternal   = "2471190346655808113"
)

// sampleEvent makes an event with every member set, so that a frozen sample
// shows the whole shape.
func sampleEvent(t *testing.T, typ events.Type) events.Event {
	t.Helper()
	at := time.Date(2026, 5, 3, 17, 3, 0, 123456789, time.UTC)
	e := events.Event{
		ID: "f6e5d4c3-b2a1-4099-8877-665544332211", Source: "stridelog/sample", About: sampleConnection,
		Time: at, Provider: "fitbit", UserID: sampleUser,
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		Data:        sampleData(typ, at),
	}
	if e.Data == nil {
		t.Fatalf("no sample data for %s: add it", typ)
	}
	if typ == events.TypeRouteFetched {
		e.Provider = "google_health"
	}
	if typ == events.TypeRecordFetched || typ == events.TypeRecordRemoved || typ == events.TypeChunkFetched || typ == events.TypeChunkRemoved {
		e.Provider = "health_connect"
	}
	if typ == events.TypeUserErased {
		e.Provider, e.UserID = events.NoProvider, "d3c2b1a0-1111-4222-8333-944455566677"
	}
	return e
}

func sampleData(typ events.Type, at time.Time) events.Data {
	until := at.Add(time.Hour)
	window := events.Window{From: at.AddDate(0, 0, -30), To: at}
	switch typ {
	case events.TypeConnectionActivated:
		return &events.ConnectionActivated{ConnectionID: sampleConnection, UserID: sampleUser, Provider: "fitbit",
			ProviderAccountID: "7XQ2LM", Scopes: []string{"activity", "profile"}, ActivatedAt: at}
	case events.TypeConnectionStatusChanged:
		return &events.ConnectionStatusChanged{ConnectionID: sampleConnection, UserID: sampleUser, Provider: "fitbit",
			Status: events.StatusActionRequired, Previous: events.StatusActive, Reason: events.ReasonReauthRequired,
			NextAction: "Ask the person to connect Fitbit again.", Since: at, Until: &until}
	case events.TypeConnectionRevoked:
		return &events.ConnectionRevoked{ConnectionID: sampleConnection, UserID: sampleUser, Provider: "fitbit",
			By: events.RevokedByUser, RevokedAt: at}
	case events.TypeSyncRequested:
		return &events.SyncRequested{SyncID: sampleSync, UserID: sampleUser, Provider: "fitbit", Window: window,
			Suspects: []string{sampleExternal}, Trigger: events.TriggerManual, RequestedAt: at}
	case events.TypeSyncFinished:
		return &events.SyncFinished{SyncID: sampleSync, ConnectionID: sampleConnection, UserID: sampleUser, Provider: "fitbit",
			Trigger: events.TriggerManual, Window: window, Covered: &window, Status: events.SyncPartial, NotBefore: &until,
			Counts:      events.SyncCounts{Pages: 2, Seen: 130, New: 12, Changed: 3, Unchanged: 114, Removed: 1, Rejected: 1},
			Error:       &events.SyncError{Code: "rejected_records", Detail: "1 record could not be read; it is kept raw."},
			RequestedAt: at, FinishedAt: until, Report: 1}
	case events.TypeActivityFetched:
		return &events.ActivityFetched{UserID: sampleUser, Provider: "fitbit", ConnectionID: sampleConnection, SyncID: sampleSync,
			ProviderAccountID: "7XQ2LM", ExternalID: sampleExternal, Format: "fitbit.activity_list.v1",
			Context:            events.ActivityContext{TimeZone: "Europe/Berlin", OffsetSource: events.OffsetFromRecord, Locale: "en_GB", DistanceUnit: "Kilometer"},
			ProviderModifiedAt: &until, ContentHash: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
			HashVersion: 1, ReplacesSequence: 41, Origin: events.OriginAPI, FetchedAt: at, StartedAt: &window.From,
			Raw: events.Raw(`{"logId":2471190346655808113, "name":"Tom & <Jerry> \u2028","distance":1.0}`)}
	case events.TypeActivityRemoved:
		return &events.ActivityRemoved{UserID: sampleUser, Provider: "fitbit", ConnectionID: sampleConnection, SyncID: sampleSync,
			ExternalID: sampleExternal, ReplacesSequence: 42, Origin: events.OriginAPI, Proof: events.RemovedTwiceGone, RemovedAt: at}
	case events.TypeRouteFetched:
		return &events.RouteFetched{UserID: sampleUser, Provider: "google_health", ConnectionID: sampleConnection, ProviderAccountID: "1234567890123456789",
			ExternalID: sampleExternal, Format: "google_health.tcx.v1",
			ContentHash:      "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
			ActivitySequence: 42, FetchedAt: at, RawGzip: []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xb3\xb1\xaf\xc8\xcd\x51\x28\x4b\x2d\x2a\xce\xcc\xcf\xb3\x55\x32\xd4\x33\x50\xb2\xb7\xe3\xe5\xb2\x09\x29\x4a\xcc\xcc\xcb\xcc\x4b\x77\x4e\xcd\x2b\x49\x2d\x72\x49\x2c\x49\x4c\x4a\x2c\x4e\xd5\xb7\xe3\x02\x00\x56\xfb\x0f\xb9\x31\x00\x00\x00")}
	case events.TypeContextFetched:
		offset := 7200
		return &events.ContextFetched{UserID: sampleUser, Provider: "fitbit", ExternalID: sampleExternal,
			Context: events.ActivityContext{UTCOffsetSeconds: &offset}, Origin: events.OriginImport, FetchedAt: at}
	case events.TypeRecordFetched:
		return sampleRecord(at)
	case events.TypeRecordRemoved:
		return &events.RecordRemoved{UserID: sampleUser, Provider: "health_connect", ConnectionID: sampleConnection, SyncID: sampleSync, ImportID: sampleImport,
			Kind: "day", ExternalID: events.DayID("steps", "2026-05-03", "app:com.example"), Resource: "steps", ReplacesSequence: 42,
			Origin: events.OriginPush, Proof: events.RemovedImportUndone, RemovedAt: at}
	case events.TypeChunkFetched:
		return &events.ChunkFetched{RecordFetched: sampleChunk(at)}
	case events.TypeChunkRemoved:
		return &events.ChunkRemoved{RecordRemoved: events.RecordRemoved{UserID: sampleUser, Provider: "health_connect", ConnectionID: sampleConnection, SyncID: sampleSync,
			ImportID: sampleImport, Kind: "samples", ExternalID: events.ChunkID("heart_rate", "1min", "watch", "2026-05-03T17", nil), Resource: "heart_rate",
			ReplacesSequence: 42, Origin: events.OriginImport, Proof: events.RemovedByPerson, RemovedAt: at}}
	case events.TypeWorkoutRecorded:
		return &events.WorkoutRecorded{WorkoutChange: sampleChange(at, 41)}
	case events.TypeWorkoutUpdated:
		return &events.WorkoutUpdated{WorkoutChange: sampleChange(at, 42)}
	case events.TypeWorkoutRemoved:
		change := sampleChange(at, 43)
		change.Workout = nil
		return &events.WorkoutRemoved{WorkoutChange: change}
	case events.TypeWorkoutLinked:
		return &events.WorkoutLinked{WorkoutID: events.WorkoutID(sampleUser, "fitbit", sampleExternal), UserID: sampleUser, Provider: "fitbit",
			DuplicateOf: ptr(events.WorkoutID(sampleUser, "google_health", "910001")), LinkVersion: 44}
	case events.TypeUserErased:
		return &events.UserErased{ErasureID: "d3c2b1a0-1111-4222-8333-944455566677",
			Counts: map[string]int64{"connections": 1, "facts": 90, "workouts": 88}, ErasedAt: at}
	}
	return nil
}

// sampleRecord is a night, as an app pushed it.
func sampleRecord(at time.Time) *events.RecordFetched {
	from, listed := at.Add(-8*time.Hour).In(time.FixedZone("", 2*60*60)), at.Add(-time.Minute)
	return &events.RecordFetched{UserID: sampleUser, Provider: "health_connect", ConnectionID: sampleConnection, SyncID: sampleSync, ImportID: sampleImport,
		ProviderAccountID: "7XQ2LM", Kind: "sleep", ExternalID: "6100200300400500600", ForeignID: true, Aliases: []string{"7d0c1b2a-0000-4000-8000-0123456789ab"},
		Resource: "sleep", Slot: "watch", Parent: &events.ParentRef{Kind: "night", ExternalID: "2026-05-03"}, Part: 2,
		File: &events.ParentRef{Kind: "file", ExternalID: "sha256:00"}, Format: "health_connect.sleep.v1",
		Context: events.ActivityContext{TimeZone: "Europe/Berlin", OffsetSource: events.OffsetFromRecord}, Door: "sdk",
		ProviderModifiedAt: &listed, ListedAt: &listed, StartedAt: &from, EndedAt: &at, StartOffsetSeconds: ptr(7200), EndOffsetSeconds: ptr(0),
		LocalDate: "2026-05-03", IdentityZone: "Europe/Berlin", Delivery: events.DeliveryPart,
		ContentHash: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", HashVersion: 1, ReplacesSequence: 41, ParentSequence: 40, Points: 3,
		Origin: events.OriginPush, FetchedAt: at, Raw: events.Raw(`{"stage":"4", "note":"Tom & <Jerry> \u2028"}`)}
}

// sampleChunk is an hour of averages, as a provider's API gave it.
func sampleChunk(at time.Time) events.RecordFetched {
	from := at.Truncate(time.Hour)
	to := from.Add(time.Hour)
	parent := &events.ParentRef{Kind: "activity", ExternalID: sampleExternal}
	return events.RecordFetched{UserID: sampleUser, Provider: "health_connect", ConnectionID: sampleConnection, SyncID: sampleSync,
		ProviderAccountID: "7XQ2LM", Kind: "samples", ExternalID: events.ChunkID("heart_rate", "1min", "watch", "2026-05-03T17", parent),
		Resource: "heart_rate", Step: "1min", Slot: "watch", Parent: parent, Format: "health_connect.heart_rate.v1",
		Context: events.ActivityContext{OffsetSource: events.OffsetUnknown}, StartedAt: &from, EndedAt: &to, Complete: true,
		ContentHash: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", HashVersion: 1, ReplacesSequence: 41,
		Origin: events.OriginAPI, FetchedAt: at, Raw: events.Raw(`[{"bpm":58.0}]`)}
}

func sampleChange(at time.Time, version uint64) events.WorkoutChange {
	id := events.WorkoutID(sampleUser, "fitbit", sampleExternal)
	return events.WorkoutChange{
		WorkoutID: id, UserID: sampleUser, Provider: "fitbit", ExternalID: sampleExternal, Version: version,
		FactID: "f6e5d4c3-b2a1-4099-8877-665544332211", NormalizerVersion: 1, At: at,
		Workout: &events.Workout{
			ID: id, UserID: sampleUser, ExternalID: sampleExternal, Type: "running", Category: "running",
			ProviderType: ptr("Run"), Name: ptr("Run"), StartTime: at, EndTime: at.Add(35 * time.Minute),
			ZoneOffset: ptr("+02:00"), OffsetSource: events.OffsetFromRecord, LocalDate: ptr("2026-05-03"),
			DurationSeconds: 2110, ActiveDurationSeconds: ptr(1840.0),
			Source:          events.WorkoutSource{Provider: "fitbit", Source: ptr("fitbit"), Device: ptr("90000001"), DeviceType: ptr("tracker"), DeviceName: ptr("Charge 6")},
			RecordingMethod: events.RecordingActive, CaloriesKcal: ptr(351.0), DistanceMeters: ptr(5520.0), Steps: ptr(int64(5020)),
			AvgHeartRateBPM: ptr(141), MaxHeartRateBPM: nil, AvgSpeedMPS: ptr(3.0), AvgPaceSecPerKM: ptr(333.3333),
			ElevationGainMeters: ptr(45.72), ActiveZoneMinutes: ptr(58),
			HeartRateZones: []events.HeartRateZone{{Zone: "out_of_zone", MinBPM: ptr(30), MaxBPM: ptr(110), DurationSeconds: ptr(60.0), CaloriesKcal: ptr(6.1)}},
			Details:        json.RawMessage(`{"logType":"tracker"}`), Version: version,
		},
	}
}

func ptr[T any](v T) *T { return &v }
