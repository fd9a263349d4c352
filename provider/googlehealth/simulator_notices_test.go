package googlehealth_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/simulator"
	cloud "github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

// What the simulator sends after an edit and a deletion leads to the records.
func TestNotificationsOfTheSimulator(t *testing.T) {
	f := newFake(t)
	grant := f.connected(t, f.people[0])
	heard := f.listen(t)
	_, _ = f.Deliver(t.Context())
	*heard = nil

	records := f.Records(grant.AccountID)
	edited, deleted := records[len(records)-1], records[len(records)-2]
	if err := f.RotateKeys(); err != nil {
		t.Fatal(err)
	}
	if err := f.Edit(grant.AccountID, edited.ExternalID, func(w *simulator.Truth) { w.Duration += time.Minute }); err != nil {
		t.Fatal(err)
	}
	if err := f.Delete(grant.AccountID, deleted.ExternalID); err != nil {
		t.Fatal(err)
	}
	f.now = f.now.Add(time.Minute)
	if accepted, waiting := f.Deliver(t.Context()); accepted == 0 || waiting != 0 {
		t.Errorf("%d accepted, %d waiting", accepted, waiting)
	}
	sawEdit, sawDeletion := false, false
	for _, c := range *heard {
		if c.AccountID != grant.AccountID || c.Window == nil {
			t.Errorf("a change says %+v", c)
			continue
		}
		sawEdit = sawEdit || len(c.Suspects) == 0 && c.Window.Contains(edited.Start) && c.Window.To.Sub(c.Window.From) < 36*time.Hour
		sawDeletion = sawDeletion || slices.Equal(c.Suspects, []string{deleted.ExternalID}) && c.Window.Contains(deleted.Start)
	}
	if !sawEdit || !sawDeletion {
		t.Errorf("edit %t, deletion %t in %+v", sawEdit, sawDeletion, *heard)
	}
	getter := f.connector.Sources[0].Get
	if _, _, err := getter.Get(t.Context(), grant.AccessToken, deleted.ExternalID); provider.ClassOf(err) != provider.ClassNotFound {
		t.Errorf("what was deleted gives %v", err)
	}
	if a, _, err := getter.Get(t.Context(), grant.AccessToken, edited.ExternalID); err != nil || !bytes.Equal(a.Raw, f.RawRecord(grant.AccountID, edited.ExternalID)) {
		t.Errorf("what was edited gives %s, %v", a.Raw, err)
	}
}

func TestForgedNotificationsOfTheSimulator(t *testing.T) {
	f := newFake(t)
	grant := f.connected(t, f.people[0])
	f.listen(t)
	forged := strings.Replace(string(upsertOf(grant.AccountID)), "UPSERT", "DELETE", 1)
	for name, fault := range map[string]cloud.NotificationFault{
		"another key":  {ForeignKey: true},
		"another body": {Body: func([]byte) []byte { return []byte(forged) }},
		"no secret":    {Secret: new("")},
		"no signature": {Signature: new("")},
	} {
		if status, err := f.Forge(t.Context(), "test", upsertOf(grant.AccountID), fault); err != nil || status != http.StatusUnauthorized {
			t.Errorf("%s: answered %d, error %v", name, status, err)
		}
	}
	if status, err := f.Forge(t.Context(), "test", upsertOf(grant.AccountID), cloud.NotificationFault{}); err != nil || status != http.StatusNoContent {
		t.Errorf("a good one: answered %d, error %v", status, err)
	}
}

func upsertOf(account string) []byte {
	return []byte(`{"data":{"version":"1","healthUserId":"` + account + `","operation":"UPSERT","dataType":"exercise","intervals":[]}}`)
}

// subscribe registers an endpoint as the operator of the project does.
func (f *fake) subscribe(t *testing.T, endpoint string) {
	t.Helper()
	body := `{"endpointUri":"` + endpoint + `","endpointAuthorization":{"secret":"` + secret + `"},"subscriberConfigs":[{"dataTypes":["exercise"],"subscriptionCreatePolicy":"AUTOMATIC"}]}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.server.URL+"/v4/projects/123456789012/subscribers?subscriberId=test", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+f.ProjectToken())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("subscribing answered %d: %s", response.StatusCode, answer)
	}
}

// listen registers an endpoint that reads what comes, as the gateway does. What it
// reads is complete whenever Deliver is back.
func (f *fake) listen(t *testing.T) *[]provider.AccountChange {
	t.Helper()
	heard := new([]provider.AccountChange)
	shakes, refused := 0, 0
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		notice, err := f.connector.Notifications.Read(r.Context(), provider.NotificationRequest{Method: r.Method, Query: r.URL.Query(), Header: r.Header, Body: body})
		switch {
		case provider.ClassOf(err) == provider.ClassUnauthorized:
			refused++
			w.WriteHeader(http.StatusUnauthorized)
			return
		case err != nil:
			t.Errorf("reading %s: %v", body, err)
		case notice.Answer == http.StatusCreated:
			shakes++
		}
		*heard = append(*heard, notice.Changes...)
		w.WriteHeader(notice.Answer)
	}))
	t.Cleanup(hook.Close)
	f.subscribe(t, hook.URL)
	if shakes != 1 || refused != 1 {
		t.Fatalf("%d handshakes and %d refusals, want one of each", shakes, refused)
	}
	return heard
}
