package e2e

import (
	"encoding/json"
	"os"
	"path"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/provider/fitbit"
	"github.com/stridelog/stridelog/provider/googlehealth"
)

// bus is the log of the stores.
func (w *world) bus(t *testing.T) *bus.Bus {
	t.Helper()
	nc, err := bus.Connect(t.Context(), w.natsURL, "test", bustest.Logger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	b, err := bus.New(nc, bustest.Logger(t))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// publishRecord publishes a record of a provider as the poller does.
func publishRecord(t *testing.T, b *bus.Bus, userID, provider, externalID, format string, raw []byte) {
	t.Helper()
	now := time.Now().UTC()
	_, err := b.Publish(t.Context(), events.Event{
		ID: events.NewID(), Source: "stridelog/poller", Time: now, Provider: provider, UserID: userID,
		Data: &events.ActivityFetched{
			UserID: userID, Provider: provider, ExternalID: externalID, Format: format,
			ContentHash: "sha256:00", HashVersion: 1, Origin: events.OriginAPI, FetchedAt: now, Raw: events.Raw(raw),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// publishFitbitList publishes a stored answer of Fitbit's activity list, one fact a
// record.
func (w *world) publishFitbitList(t *testing.T, userID, file string) {
	t.Helper()
	var list struct {
		Activities []json.RawMessage `json:"activities"`
	}
	readJSON(t, file, &list)
	b := w.bus(t)
	for _, raw := range list.Activities {
		var record struct {
			LogID json.Number `json:"logId"`
		}
		if err := json.Unmarshal(raw, &record); err != nil {
			t.Fatal(err)
		}
		publishRecord(t, b, userID, fitbit.Name, record.LogID.String(), fitbit.FormatActivityList, raw)
	}
}

// publishGoogleList does so with a list of data points of Google Health.
func (w *world) publishGoogleList(t *testing.T, userID, file string) {
	t.Helper()
	var list struct {
		DataPoints []json.RawMessage `json:"dataPoints"`
	}
	readJSON(t, file, &list)
	b := w.bus(t)
	for _, raw := range list.DataPoints {
		var record struct {
			Name string `json:"name"`
		}
		if err := json.Unmarshal(raw, &record); err != nil {
			t.Fatal(err)
		}
		publishRecord(t, b, userID, googlehealth.Name, path.Base(record.Name), googlehealth.FormatDataPoint, raw)
	}
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}
