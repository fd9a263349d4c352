package fitbit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/fitbit"
	"github.com/stridelog/stridelog/provider/simulator"
	cloud "github.com/stridelog/stridelog/provider/simulator/fitbit"
)

const (
	callback = "http://localhost:8000/api/v1/oauth/fitbit/callback"
	verifier = "a-verifier-of-the-simulator-test-with-43-characters"
)

// The simulator restates the wire format on its own, from the same facts. What
// it knows of a person must be what the connector makes of its answers.
func TestWorkoutsAreTheSimulatorsTruth(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 30, 0, 0, time.UTC)
	people, err := simulator.Roster(7, now)
	if err != nil {
		t.Fatal(err)
	}
	fake, err := cloud.New(cloud.Options{
		ClientID: "23BKXP", ClientSecret: "secret", RedirectURIs: []string{callback}, People: people,
		Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(fake.Handler())
	defer server.Close()
	connector := fitbit.New(fitbit.Config{
		ClientID: "23BKXP", ClientSecret: "secret", AuthorizeURL: server.URL + "/oauth2/authorize", APIBaseURL: server.URL,
	})
	for _, person := range people {
		t.Run(person.Name(), func(t *testing.T) {
			grant := connect(t, connector, person.AccountID())
			if grant.AccountID != person.AccountID() {
				t.Fatalf("connected %s, not %s", grant.AccountID, person.AccountID())
			}
			w := events.Window{From: now.AddDate(0, 0, -400), To: now}
			got := workouts(t, connector, grant, w, fake)
			want := 0
			for _, truth := range fake.Truth(person.AccountID()) {
				if !w.Contains(truth.Start) {
					continue
				}
				want++
				workout, ok := got[truth.ExternalID]
				if !ok {
					t.Errorf("record %s is missing", truth.ExternalID)
					continue
				}
				compare(t, workout, truth)
			}
			if want < 100 {
				t.Errorf("only %d workouts: too few for a second page", want)
			}
		})
	}
}

// connect clicks through the consent page.
func connect(t *testing.T, c *provider.Connector, account string) provider.Grant {
	t.Helper()
	sum := sha256.Sum256([]byte(verifier))
	address, err := url.Parse(c.Authorizer.AuthorizeURL(provider.AuthorizeRequest{
		RedirectURI: callback, State: "s", CodeChallenge: base64.RawURLEncoding.EncodeToString(sum[:]),
	}))
	if err != nil {
		t.Fatal(err)
	}
	form := address.Query()
	form.Set("decision", "allow")
	form.Set("person", account)
	form["granted"] = fitbit.DefaultScopes()
	address.RawQuery = ""
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.PostForm(address.String(), form)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	back, err := response.Location()
	if err != nil {
		t.Fatalf("the consent page answers %s", response.Status)
	}
	grant, err := c.Authorizer.Exchange(t.Context(), provider.Secret(back.Query().Get("code")), verifier, callback)
	if err != nil {
		t.Fatal(err)
	}
	return grant
}

// workouts reads and normalizes a window, each record once and as it was sent.
func workouts(t *testing.T, c *provider.Connector, g provider.Grant, w events.Window, fake *cloud.Cloud) map[string]events.Workout {
	t.Helper()
	got := map[string]events.Workout{}
	request := provider.ListRequest{Token: g.AccessToken, Window: w}
	for {
		page, err := c.Sources[0].List.List(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Quotas) != 1 || page.Quotas[0].Limit != 150 {
			t.Errorf("quota is %+v", page.Quotas)
		}
		for _, a := range page.Records {
			if _, twice := got[a.ExternalID]; twice || a.Problem != "" {
				t.Errorf("record %s comes twice, or has a problem: %q", a.ExternalID, a.Problem)
			}
			if !bytes.Equal(a.Raw, fake.RawRecord(g.AccountID, a.ExternalID)) {
				t.Errorf("record %s is not as it was sent", a.ExternalID)
			}
			workout, err := fitbit.Normalizers()[a.Format].Normalize(provider.Record{Provider: fitbit.Name, Format: a.Format, Raw: a.Raw, Context: a.Context})
			if err != nil {
				t.Fatal(err)
			}
			got[a.ExternalID] = workout
		}
		if page.Next == "" {
			return got
		}
		request.Cursor = page.Next
	}
}

func compare(t *testing.T, w events.Workout, truth simulator.Truth) {
	t.Helper()
	wantType := truth.Type
	if truth.Custom {
		wantType = w.Type // an id of the person's own says nothing, see TestTypesThatOthersConfuse
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
		"device":          sameDevice(w.Source, truth.Device),
		"number of zones": len(w.HeartRateZones) == len(truth.Zones) && (w.HeartRateZones == nil) == (truth.Zones == nil),
	}
	for i := range min(len(w.HeartRateZones), len(truth.Zones)) {
		got, want := w.HeartRateZones[i], truth.Zones[i]
		same["zone "+strconv.Itoa(i)] = got.Zone == want.Word && equal(got.MinBPM, &want.MinBPM) && equal(got.MaxBPM, &want.MaxBPM) &&
			near(got.DurationSeconds, new(float64(want.Minutes)*60)) && near(got.CaloriesKcal, want.CaloriesKcal)
	}
	for what, ok := range same {
		if !ok {
			t.Errorf("%s of %s differs:\n%+v\n%+v\n%s", what, truth.ExternalID, w, truth, w.Details)
		}
	}
}

func sameDevice(s events.WorkoutSource, d *simulator.Device) bool {
	switch {
	case d == nil:
		return s.Device == nil && s.DeviceName == nil && s.DeviceType == nil && s.Source == nil
	case d.Type == simulator.DeviceApp:
		return equal(s.Source, &d.Name) && equal(s.DeviceType, &d.Type) && s.Device == nil
	default:
		return equal(s.Device, &d.ID) && equal(s.DeviceName, &d.Name) && equal(s.DeviceType, &d.Type)
	}
}

func equal[T comparable](a, b *T) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

func near(a, b *float64) bool {
	return (a == nil) == (b == nil) && (a == nil || math.Abs(*a-*b) < 1e-5)
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
