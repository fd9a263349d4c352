package googlehealth_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/googlehealth"
	"github.com/stridelog/stridelog/provider/simulator"
	cloud "github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

const (
	callback = "http://localhost:8000/api/v1/oauth/google_health/callback"
	verifier = "a-verifier-of-the-simulator-test-with-43-characters"
	secret   = "Bearer secret-of-the-simulated-subscriber"
)

// fake is the simulated cloud with its people, and a connector that calls it.
type fake struct {
	*cloud.Cloud
	server    *httptest.Server
	connector *provider.Connector
	people    []*simulator.Person
	now       time.Time
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{now: time.Date(2026, 6, 1, 12, 30, 0, 0, time.UTC)}
	var err error
	if f.people, err = simulator.Roster(7, f.now); err != nil {
		t.Fatal(err)
	}
	if f.Cloud, err = cloud.New(cloud.Options{
		ClientID: "123-x", ClientSecret: "secret", RedirectURIs: []string{callback}, People: f.people, Copies: 20,
		Now: func() time.Time { return f.now },
	}); err != nil {
		t.Fatal(err)
	}
	f.server = httptest.NewServer(f.Handler())
	t.Cleanup(f.server.Close)
	f.connector = googlehealth.New(googlehealth.Config{
		ClientID: "123-x", ClientSecret: "secret", AuthorizeURL: f.server.URL + "/o/oauth2/v2/auth", TokenURL: f.server.URL + "/token",
		RevokeURL: f.server.URL + "/revoke", APIBaseURL: f.server.URL,
		NotificationSecret: secret, NotificationKeyURL: f.server.URL + cloud.KeysPath,
	})
	return f
}

// connect clicks through the consent page.
func (f *fake) connect(t *testing.T, account string, scopes ...string) (provider.Grant, error) {
	t.Helper()
	sum := sha256.Sum256([]byte(verifier))
	address := f.connector.Authorizer.AuthorizeURL(provider.AuthorizeRequest{
		RedirectURI: callback, State: "s", CodeChallenge: base64.RawURLEncoding.EncodeToString(sum[:]),
	})
	back, err := cloud.Decide(t.Context(), http.DefaultClient, address, cloud.Decision{AccountID: account, Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return f.connector.Authorizer.Exchange(t.Context(), provider.Secret(back.Query().Get("code")), verifier, callback)
}

func (f *fake) connected(t *testing.T, p *simulator.Person) provider.Grant {
	t.Helper()
	grant, err := f.connect(t, cloud.HealthUserID(p), googlehealth.DefaultScopes()...)
	if err != nil {
		t.Fatal(err)
	}
	if grant.AccountID != cloud.HealthUserID(p) || grant.LinkedAccounts["fitbit"] != p.AccountID() {
		t.Fatalf("connected %s, linked to %v", grant.AccountID, grant.LinkedAccounts)
	}
	return grant
}

// read reads a window to its end, each record once and as it was sent.
func (f *fake) read(t *testing.T, g provider.Grant, w events.Window) map[string]provider.Record {
	t.Helper()
	got := map[string]provider.Record{}
	request := provider.ListRequest{Token: g.AccessToken, Window: w}
	for {
		page, err := f.connector.Sources[0].List.List(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page.Records {
			if _, twice := got[a.ExternalID]; twice || a.Problem != "" {
				t.Errorf("record %s comes twice, or has a problem: %q", a.ExternalID, a.Problem)
			}
			if !bytes.Equal(a.Raw, f.RawRecord(g.AccountID, a.ExternalID)) {
				t.Errorf("record %s is not as it was sent", a.ExternalID)
			}
			got[a.ExternalID] = a
		}
		if page.Next == "" {
			return got
		}
		request.Cursor = page.Next
	}
}

// The simulator restates the wire format on its own, from the same facts. What it
// knows of a person must be what the connector makes of its answers.
func TestWorkoutsAreTheSimulatorsTruth(t *testing.T) {
	f := newFake(t)
	for _, person := range f.people {
		t.Run(person.Name(), func(t *testing.T) {
			grant := f.connected(t, person)
			if err := f.SetQuota(grant.AccountID, 100_000, time.Minute); err != nil {
				t.Fatal(err)
			}
			w := events.Window{From: f.now.AddDate(0, 0, -400), To: f.now}
			got := f.read(t, grant, w)
			want := 0
			for _, record := range f.Records(grant.AccountID) {
				if !w.Contains(record.Start) {
					continue
				}
				want++
				activity, ok := got[record.ExternalID]
				if !ok {
					t.Errorf("record %s is missing", record.ExternalID)
					continue
				}
				workout, err := googlehealth.Normalizers()[activity.Format].Normalize(provider.Record{Format: activity.Format, Raw: activity.Raw, Context: activity.Context})
				if err != nil {
					t.Fatal(err)
				}
				if activity.Context.TimeZone == "" || !activity.StartedAt.Equal(record.Start) || !activity.ModifiedAt.Equal(record.Modified) {
					t.Errorf("%s: context %+v, start %s, modified %s", record.ExternalID, activity.Context, activity.StartedAt, activity.ModifiedAt)
				}
				compare(t, workout, record)
			}
			if want < 100 {
				t.Errorf("only %d workouts: too few for a second page", want)
			}
		})
	}
}

func compare(t *testing.T, w events.Workout, truth cloud.Record) {
	t.Helper()
	wantType := truth.Type
	if truth.Detail.ExerciseType != "" {
		wantType = "other" // a word that nobody knows yet
	}
	same := map[string]bool{
		"type":            w.Type == wantType,
		"name":            equal(w.Name, truth.Name),
		"start":           w.StartTime.Equal(truth.Start),
		"end":             w.EndTime.Equal(truth.End()),
		"offset":          *w.ZoneOffset == truth.Offset(),
		"local date":      *w.LocalDate == truth.LocalDate(),
		"duration":        w.DurationSeconds == truth.Duration.Seconds(),
		"active duration": near(w.ActiveDurationSeconds, new(truth.ActiveDuration.Seconds())),
		"recording":       w.RecordingMethod == truth.Recording,
		"calories":        near(w.CaloriesKcal, number(truth.CaloriesKcal)),
		"distance":        near(w.DistanceMeters, truth.DistanceMeters),
		"steps":           equal(w.Steps, whole(truth.Steps)),
		"heart rate":      equal(w.AvgHeartRateBPM, truth.AvgHeartRateBPM),
		"speed":           near(w.AvgSpeedMPS, truth.AvgSpeedMPS()),
		"pace":            near(w.AvgPaceSecPerKM, truth.AvgPaceSecPerKM()),
		"elevation":       near(w.ElevationGainMeters, truth.ElevationGainMeters),
		"active minutes":  equal(w.ActiveZoneMinutes, truth.ActiveZoneMinutes()),
		"source":          sameSource(w.Source, truth.Source),
		"number of zones": len(w.HeartRateZones) == len(truth.Zones),
		"splits":          sameLaps(w.Splits, truth.Detail.Splits),
		"laps":            sameLaps(w.Laps, truth.Detail.Laps),
		"laps not twice":  !strings.Contains(string(w.Details), `"splitType"`),
		"mobility kept":   strings.Contains(string(w.Details), "avgCadenceStepsPerMinute") == (truth.Detail.Mobility != nil),
	}
	for i := range min(len(w.HeartRateZones), len(truth.Zones)) {
		got, want := w.HeartRateZones[i], truth.Zones[i]
		same["zone "+want.Word] = got.Zone == want.Word && (got.DurationSeconds == nil || *got.DurationSeconds == float64(want.Minutes)*60)
	}
	for what, ok := range same {
		if !ok {
			t.Errorf("%s of %s differs:\n%+v\n%+v\n%s", what, truth.ExternalID, w, truth, w.Details)
		}
	}
}

func sameLaps(got []events.Lap, want []cloud.Split) bool {
	return (got == nil) == (want == nil) && slices.EqualFunc(got, want, func(l events.Lap, s cloud.Split) bool {
		var metres, pace *float64
		if s.DistanceMillimeters != nil {
			metres, pace = new(*s.DistanceMillimeters/1000), new(s.Active.Seconds()*1e6 / *s.DistanceMillimeters)
		}
		return l.StartTime.Equal(s.Start) && l.EndTime.Equal(s.End) && near(l.DurationSeconds, new(s.End.Sub(s.Start).Seconds())) &&
			near(l.ActiveDurationSeconds, new(s.Active.Seconds())) && *l.Trigger == strings.ToLower(s.Type) &&
			near(l.DistanceMeters, metres) && near(l.AvgPaceSecPerKM, pace) && equal(l.AvgHeartRateBPM, s.AvgHeartRateBPM) &&
			l.Steps == nil && l.CaloriesKcal == nil && l.AvgSpeedMPS == nil
	})
}

func sameSource(w events.WorkoutSource, s cloud.Source) bool {
	from := s.Platform
	if s.Application != "" {
		from = s.Application
	}
	device := s.Device
	if device == nil {
		device = &cloud.Device{}
	}
	says := func(got *string, want string) bool { return got == nil && want == "" || got != nil && *got == want }
	return says(w.Source, from) && says(w.DeviceName, device.Name) && says(w.DeviceType, strings.ToLower(device.FormFactor))
}

func equal[T comparable](a, b *T) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

func near(a, b *float64) bool {
	return (a == nil) == (b == nil) && (a == nil || math.Abs(*a-*b) < 1e-4)
}

func number(n *int) *float64 {
	if n == nil {
		return nil
	}
	return new(float64(*n))
}

func whole(n *int) *int64 {
	if n == nil {
		return nil
	}
	return new(int64(*n))
}

// Each state of an account and of the project, at the callback.
func TestAccountsThatCannotBeConnected(t *testing.T) {
	f := newFake(t)
	account := cloud.HealthUserID(f.people[0])
	for _, state := range []cloud.AccountState{cloud.AccountNotLinked, cloud.AccountUnfinished, cloud.AccountLegacy} {
		if err := f.SetAccountState(account, state); err != nil {
			t.Fatal(err)
		}
		grant, err := f.connect(t, account, googlehealth.DefaultScopes()...)
		var e *provider.Error
		if !errors.As(err, &e) || e.Class != provider.ClassInvalidGrant || e.Reason != events.ReasonAccountNotLinked {
			t.Errorf("%s: got %v", state, err)
		}
		if f.Grants(account) == 0 {
			t.Fatal("there is no grant to give back")
		}
		if err := f.connector.Authorizer.Revoke(t.Context(), grant.RefreshToken); err != nil || f.Grants(account) != 0 {
			t.Errorf("%s: giving the grant back left %d, error %v", state, f.Grants(account), err)
		}
	}
	if err := f.SetAccountState(account, cloud.AccountLinked); err != nil {
		t.Fatal(err)
	}
	grant := f.connected(t, f.people[0])
	list := func() provider.Class {
		_, err := f.connector.Sources[0].List.List(t.Context(), provider.ListRequest{Token: grant.AccessToken, Window: events.Window{From: f.now.AddDate(0, 0, -7), To: f.now}})
		return provider.ClassOf(err)
	}
	for _, state := range []cloud.AccountState{cloud.AccountDenied, cloud.AccountDataDenied} {
		if err := f.SetAccountState(account, state); err != nil {
			t.Fatal(err)
		}
		if class := list(); class != provider.ClassInsufficientScope {
			t.Errorf("%s: the list gives %q", state, class)
		}
	}
	if err := f.SetAccountState(account, cloud.AccountLinked); err != nil {
		t.Fatal(err)
	}
	for _, state := range []cloud.ProjectState{cloud.ProjectNotAdmitted, cloud.ProjectDisabled} {
		f.SetProjectState(state)
		if class := list(); class != provider.ClassNotAdmitted {
			t.Errorf("%s: the list gives %q", state, class)
		}
	}
	f.SetProjectState(cloud.ProjectAdmitted)
	if class := list(); class != "" {
		t.Errorf("in the end the list gives %q", class)
	}
}

func TestSomeScopesOnly(t *testing.T) {
	f := newFake(t)
	account := cloud.HealthUserID(f.people[0])
	grant, err := f.connect(t, account, googlehealth.ScopeLocation)
	if err != nil || !slices.Equal(f.connector.Needs.Barring(grant.Scopes), []string{googlehealth.ScopeActivity}) {
		t.Fatalf("granted %v, error %v", grant.Scopes, err)
	}
	_, err = f.connector.Sources[0].List.List(t.Context(), provider.ListRequest{Token: grant.AccessToken, Window: events.Window{From: f.now.AddDate(0, 0, -7), To: f.now}})
	if class := provider.ClassOf(err); class != provider.ClassInsufficientScope {
		t.Errorf("without the scope the list gives %v", err)
	}
	// Without the settings there is no zone, and all else works.
	grant, err = f.connect(t, account, googlehealth.ScopeActivity)
	if err != nil {
		t.Fatal(err)
	}
	for id, a := range f.read(t, grant, events.Window{From: f.now.AddDate(0, 0, -30), To: f.now}) {
		if a.Context.TimeZone != "" || a.Context.OffsetSource != events.OffsetFromRecord {
			t.Errorf("%s: the context is %+v", id, a.Context)
		}
	}
}

func TestRoutesOfTheSimulator(t *testing.T) {
	f := newFake(t)
	grant := f.connected(t, f.people[0])
	if err := f.SetQuota(grant.AccountID, 100_000, time.Minute); err != nil {
		t.Fatal(err)
	}
	source, _ := f.connector.Source("route")
	located, partial, absent := 0, 0, 0
	for _, record := range f.Records(grant.AccountID)[:60] {
		route, _, err := source.Attach.Attach(t.Context(), grant.AccessToken, events.ParentRef{Kind: source.Attaches, ExternalID: record.ExternalID}, "route")
		switch track := f.RawTrack(grant.AccountID, record.ExternalID); {
		case provider.ClassOf(err) == provider.ClassNotFound && track == nil:
			absent++
		case err != nil || route.Format != googlehealth.FormatTCX:
			t.Errorf("%s: got %d bytes of %s, error %v", record.ExternalID, len(route.Raw), route.Format, err)
		case track != nil && bytes.Equal(route.Raw, track):
			located++
		case track == nil && bytes.Contains(route.Raw, []byte("HeartRateBpm")):
			partial++ // a heart rate, but no positions
		default:
			t.Errorf("%s: the route is another one", record.ExternalID)
		}
	}
	if located == 0 || partial == 0 || absent == 0 {
		t.Errorf("%d routes, %d without positions, none for %d: each is needed", located, partial, absent)
	}
}
