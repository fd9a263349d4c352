// Package projectortest gives tests facts, a normalizer that reads them, and a
// look at everything the projector made of them.
package projectortest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

// Format is what Normalizer reads.
const Format = "test.record.v1"

// Provider is the provider of facts that name none.
const Provider = "fitbit"

// Record is a raw record of Format.
type Record struct {
	Type    string          `json:"type"`
	Start   time.Time       `json:"start"`
	Minutes int             `json:"minutes"`
	Steps   *int64          `json:"steps"`
	Extra   json.RawMessage `json:"extra,omitempty"`
	Fault   string          `json:"fault,omitempty"` // error, panic, details
}

// Normalizer reads Record. It is real work on real bytes, only simpler than a
// provider's.
type Normalizer struct {
	Number int
	// Lenient reads records whose fault is error, as a later version might.
	Lenient bool
	// Category is that of all workouts; empty is cardio.
	Category string
}

// Read takes a raw record apart.
func Read(raw []byte) (rec Record, err error) {
	if err := json.Unmarshal(raw, &rec); err != nil {
		return Record{}, fmt.Errorf("record is not of %s", Format)
	}
	return rec, nil
}

// Version implements provider.Normalizer.
func (n Normalizer) Version() int { return n.Number }

// Normalize implements provider.Normalizer.
func (n Normalizer) Normalize(r provider.Record) (events.Workout, error) {
	rec, err := Read(r.Raw)
	if err != nil {
		return events.Workout{}, err
	}
	w := events.Workout{
		Type: rec.Type, Category: "cardio", StartTime: rec.Start, EndTime: rec.Start.Add(time.Duration(rec.Minutes) * time.Minute),
		DurationSeconds: float64(60 * rec.Minutes), Steps: rec.Steps, Details: rec.Extra, OffsetSource: events.OffsetUnknown,
		Source: events.WorkoutSource{Provider: r.Provider}, RecordingMethod: events.RecordingUnknown,
	}
	if n.Category != "" {
		w.Category = n.Category
	}
	day := rec.Start.Format(time.DateOnly)
	w.LocalDate = &day
	switch rec.Fault {
	case "error":
		if !n.Lenient {
			return events.Workout{}, errors.New("duration is missing")
		}
	case "panic":
		var none map[string]int
		none["private text"] = 1 //nolint:staticcheck // the panic is the point
	case "details":
		w.Details = json.RawMessage("{broken")
	}
	return w, nil
}

// Normalizers are Normalizer in the form a service takes.
func Normalizers() provider.Normalizers { return provider.Normalizers{Format: Normalizer{Number: 1}} }

// Sources are the providers in the order of the tests.
func Sources() []string { return []string{"google_health", "fitbit"} }

// Start is when the first record of the tests starts.
func Start() time.Time { return time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC) }

// Fact is an activity fact to publish.
type Fact struct {
	User     string
	Provider string // empty: Provider
	External string
	Replaces uint64
	Origin   events.Origin // empty: api
	Format   string        // empty: Format
	Record   Record
	At       time.Time // the fact's time; zero: Start
	Removed  bool
	Route    string // the file of a route; the fact is that of the activity's route then
	ID       string // empty: random
}

// Spoilt is a fact as nobody of ours would publish it: with one text in another's
// place, in its subject and its data.
func (f Fact) Spoilt(t testing.TB, was, now string) events.Message {
	t.Helper()
	m, err := f.Event().Encode()
	if err != nil {
		t.Fatal(err)
	}
	subject, data := strings.ReplaceAll(m.Subject, was, now), strings.ReplaceAll(string(m.Data), was, now)
	if subject == m.Subject && data == string(m.Data) {
		t.Fatalf("the fact holds no %q", was)
	}
	return events.Message{Subject: subject, Header: m.Header, Data: []byte(data)}
}

// Of is the fact under another person's subject.
func (f Fact) Of(t testing.TB, user string) events.Message {
	t.Helper()
	m, err := f.Event().Encode()
	if err != nil {
		t.Fatal(err)
	}
	m.Subject = strings.ReplaceAll(m.Subject, f.User, user)
	return m
}

// Event is the fact as the poller would publish it.
func (f Fact) Event() events.Event {
	if f.Origin == "" {
		f.Origin = events.OriginAPI
	}
	if f.Format == "" {
		f.Format = Format
	}
	if f.Provider == "" {
		f.Provider = Provider
	}
	if f.At.IsZero() {
		f.At = Start()
	}
	if f.ID == "" {
		f.ID = events.NewID()
	}
	e := events.Event{ID: f.ID, Source: "stridelog/poller", About: f.External, Time: f.At, Provider: f.Provider, UserID: f.User}
	if f.Removed {
		e.Data = &events.ActivityRemoved{
			UserID: f.User, Provider: f.Provider, ExternalID: f.External, ReplacesSequence: f.Replaces,
			Origin: f.Origin, Proof: events.RemovedNotFound, RemovedAt: f.At,
		}
		return e
	}
	if f.Route != "" {
		route := &events.RouteFetched{
			UserID: f.User, Provider: f.Provider, ConnectionID: f.User, ExternalID: f.External, Format: "test.tcx.v1",
			ContentHash: "sha256:00", ActivitySequence: f.Replaces, FetchedAt: f.At,
		}
		if err := route.Compress([]byte(f.Route)); err != nil {
			panic(fmt.Sprintf("a test's route cannot be compressed: %v", err))
		}
		e.Data = route
		return e
	}
	if f.Record.Start.IsZero() {
		f.Record.Start = Start()
	}
	if f.Record.Type == "" {
		f.Record.Type = "running"
	}
	raw, err := json.Marshal(f.Record)
	if err != nil {
		panic(fmt.Sprintf("a test's record cannot be written: %v", err))
	}
	e.Data = &events.ActivityFetched{
		UserID: f.User, Provider: f.Provider, ExternalID: f.External, Format: f.Format, ContentHash: "sha256:00", HashVersion: 1,
		ReplacesSequence: f.Replaces, Origin: f.Origin, FetchedAt: f.At, Raw: raw,
	}
	return e
}
