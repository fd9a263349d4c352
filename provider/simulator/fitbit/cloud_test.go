package fitbit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
)

func TestUploadEditDelete(t *testing.T) {
	a := newApp(t, nil)
	account := a.people[0].AccountID()
	token := a.connect(a.people[0]).Access
	everything := listPath + "?beforeDate=2099-01-01&sort=desc&limit=100"
	count := len(a.cloud.Truth(account))
	zone := time.FixedZone("+02:00", 7200)
	name, meters := "Run", 5521.0
	id, err := a.cloud.Upload(account, simulator.Truth{
		Type: "running", Name: &name, Start: time.Date(2026, 5, 20, 8, 0, 0, 0, zone), Duration: 30 * time.Minute,
		DistanceMeters: &meters, Paced: true, Recording: simulator.RecordedActively,
	})
	if err != nil {
		t.Fatal(err)
	}
	newest := a.page(token, everything).Activities[0]
	if len(id) != 19 || idOf(t, newest) != id || !bytes.Contains(newest, []byte(`5.521`)) || len(a.cloud.Truth(account)) != count+1 {
		t.Fatalf("uploaded %s, newest is %s", id, newest)
	}
	moved := time.Date(2026, 3, 20, 8, 0, 0, 0, zone)
	if err := a.cloud.Edit(account, id, func(w *simulator.Truth) { w.Start, w.Duration = moved, time.Hour; w.ExternalID = "5" }); err != nil {
		t.Fatal(err)
	}
	var r wire
	if err := json.Unmarshal(a.cloud.RawRecord(account, id), &r); err != nil {
		t.Fatal(err)
	}
	if !r.StartTime.Equal(moved) || r.OriginalStartTime.Equal(moved) || r.Duration != 3600000 || r.OriginalDuration != 1800000 || !r.LastModified.After(noon) {
		t.Errorf("edited to %+v", r)
	}
	if got := a.page(token, everything).Activities[0]; idOf(t, got) == id {
		t.Error("the list still has it where it was")
	}
	if err := a.cloud.Delete(account, id); err != nil {
		t.Fatal(err)
	}
	if a.cloud.RawRecord(account, id) != nil || len(a.cloud.Truth(account)) != count {
		t.Error("it is still there")
	}
	for what, err := range map[string]error{
		"delete twice":      a.cloud.Delete(account, id),
		"edit what is gone": a.cloud.Edit(account, id, func(*simulator.Truth) {}),
		"edit to nonsense":  a.cloud.Edit(account, a.cloud.Truth(account)[0].ExternalID, func(w *simulator.Truth) { w.Duration = 0 }),
		"a stranger":        a.cloud.Delete("NOBODY", id),
		"upload nothing":    func() error { _, err := a.cloud.Upload(account, simulator.Truth{}); return err }(),
		"upload a double":   func() error { _, err := a.cloud.Upload(account, a.cloud.Truth(account)[0]); return err }(),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func TestEditsStayWhenTheDaysGoOn(t *testing.T) {
	a := newApp(t, nil)
	account := a.people[0].AccountID()
	first := a.cloud.Truth(account)
	if err := a.cloud.Delete(account, first[0].ExternalID); err != nil {
		t.Fatal(err)
	}
	steps := 4
	if err := a.cloud.Edit(account, first[1].ExternalID, func(w *simulator.Truth) { w.Steps = &steps }); err != nil {
		t.Fatal(err)
	}
	a.clock.Forward(30 * 24 * time.Hour)
	later := a.cloud.Truth(account)
	if later[0].ExternalID != first[1].ExternalID || *later[0].Steps != 4 || len(later) < len(first)+10 {
		t.Errorf("%d workouts, the first %s", len(later), later[0].ExternalID)
	}
	if !reflect.DeepEqual(later[1:len(first)-20], first[2:len(first)-19]) {
		t.Error("what was not touched has changed")
	}
}

func TestFaults(t *testing.T) {
	a := newApp(t, nil)
	a.Server.Client().Transport.(*http.Transport).DisableKeepAlives = true // on a kept one, Go asks again by itself
	token := a.connect(a.people[0])
	list := listPath + "?afterDate=2026-01-01&sort=asc&limit=50"
	once := func(f fitbit.Fault) {
		var used sync.Once
		a.cloud.SetFault(func(*fitbit.Call) (fault *fitbit.Fault) {
			used.Do(func() { fault = &f })
			return fault
		})
	}
	whole := a.get(token.Access, list).Body
	once(fitbit.Fault{Status: 502, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte("<html>")})
	if got := a.get(token.Access, list); got.Status != 502 || got.Body != "<html>" || got.Header.Get("Content-Type") != "text/html" || got.Header.Get("Fitbit-Rate-Limit-Limit") != "" {
		t.Errorf("replaced: %+v", got)
	}
	once(fitbit.Fault{Drop: true})
	if got, err := a.Do(a.getRequest(token.Access, list)); err == nil {
		t.Errorf("dropped: %d", got.Status)
	}
	once(fitbit.Fault{Cut: 100})
	if got, err := a.Do(a.getRequest(token.Access, list)); err == nil || got.Status != 200 || got.Body != whole[:100] {
		t.Errorf("cut: %d bytes, %v", len(got.Body), err)
	}
	once(fitbit.Fault{Rewrite: bytes.ToUpper})
	if got := a.get(token.Access, list); got.Body != string(bytes.ToUpper([]byte(whole))) {
		t.Error("not rewritten")
	}
	if got := a.get(token.Access, list); got.Body != whole {
		t.Error("a fault outlives its request")
	}
	once(fitbit.Fault{Before: true, Status: 409, Body: []byte("{}")})
	if got := a.refresh(token.Refresh); got.Status != 409 {
		t.Errorf("conflict: %d", got.Status)
	}
	next := a.tokensOf(a.refresh(token.Refresh)) // nothing was rotated
	once(fitbit.Fault{Drop: true})
	if _, err := a.Do(a.formRequest("/oauth2/token", "grant_type", "refresh_token", "refresh_token", next.Refresh)); err == nil {
		t.Error("an answer that was to be lost arrived")
	}
	if got := a.refresh(next.Refresh); got.Status != http.StatusBadRequest {
		t.Errorf("the lost answer's token was not spent: %d", got.Status)
	}
}

func TestASlowAnswerEndsWithItsClient(t *testing.T) {
	a := newApp(t, nil)
	token := a.connect(a.people[0]).Access
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	a.cloud.SetFault(func(*fitbit.Call) *fitbit.Fault { cancel(); return &fitbit.Fault{Delay: time.Hour} })
	if got, err := a.Do(a.getRequest(token, "/1/user/-/profile.json").WithContext(ctx)); err == nil {
		t.Errorf("answered %d", got.Status)
	}
}

func TestRequestsAreCounted(t *testing.T) {
	var calls []string
	a := newApp(t, func(o *fitbit.Options) {
		o.Fault = func(c *fitbit.Call) *fitbit.Fault {
			calls = append(calls, c.Endpoint+" "+c.PostForm.Get("grant_type"))
			return nil
		}
	})
	pair := a.connect(a.people[0])
	a.refresh(pair.Refresh)
	a.get("", "/1/user/-/profile.json")
	a.get(pair.Access, listPath)
	a.get("", "/")
	a.form("/oauth2/revoke", "token", "none")
	want := map[string]int{
		fitbit.EndpointAuthorize: 1, fitbit.EndpointDecision: 1, fitbit.EndpointToken: 2, fitbit.EndpointProfile: 1,
		fitbit.EndpointActivities: 1, fitbit.EndpointHome: 1, fitbit.EndpointRevoke: 1,
	}
	if got := a.cloud.Requests(); !reflect.DeepEqual(got, want) {
		t.Errorf("counted %v", got)
	}
	if len(calls) != 8 || calls[3] != fitbit.EndpointToken+" refresh_token" {
		t.Errorf("the hook saw %q", calls)
	}
}

func TestProfile(t *testing.T) {
	a := newApp(t, nil)
	for i, want := range []struct{ zone, unit, locale string }{
		1: {"Europe/London", "METRIC", "en_GB"}, 2: {"Europe/Rome", "METRIC", "it_IT"}, 3: {"", "en_US", "en_US"},
	} {
		if i == 0 {
			continue // she may be anywhere
		}
		got := a.get(a.connect(a.people[i]).Access, "/1/user/-/profile.json")
		var read struct {
			User struct {
				EncodedID, Timezone, DistanceUnit, Locale string
				OffsetFromUTCMillis                       int
			}
		}
		if err := json.Unmarshal([]byte(got.Body), &read); err != nil {
			t.Fatal(err)
		}
		zone, err := time.LoadLocation(read.User.Timezone)
		if err != nil {
			t.Fatal(err)
		}
		_, offset := noon.In(zone).Zone()
		u := read.User
		if u.EncodedID != a.people[i].AccountID() || want.zone != "" && u.Timezone != want.zone || u.DistanceUnit != want.unit || u.Locale != want.locale || u.OffsetFromUTCMillis != offset*1000 {
			t.Errorf("profile %+v", u)
		}
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	a := newApp(t, nil)
	var group sync.WaitGroup
	for _, p := range a.people {
		pair := a.connect(p)
		for range 2 {
			group.Go(func() {
				for range 5 {
					if got, err := a.Do(a.getRequest(pair.Access, listPath+"?beforeDate=2099-01-01&sort=desc")); err != nil || got.Status != 200 {
						t.Errorf("list: %d %v", got.Status, err)
					}
				}
			})
		}
		group.Go(func() {
			for range 5 {
				id := a.cloud.Truth(p.AccountID())[3].ExternalID
				if err := a.cloud.Edit(p.AccountID(), id, func(w *simulator.Truth) { w.Steps = nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

func TestImpossibleCloudsAreRefused(t *testing.T) {
	people := newApp(t, nil).people
	whole := fitbit.Options{ClientID: "a", ClientSecret: "b", RedirectURIs: []string{redirectURI}, People: people}
	if _, err := fitbit.New(whole); err != nil {
		t.Fatal(err) // the control: nothing else is wrong
	}
	for name, change := range map[string]func(*fitbit.Options){
		"no client":         func(o *fitbit.Options) { o.ClientID = "" },
		"no secret":         func(o *fitbit.Options) { o.ClientSecret = "" },
		"no people":         func(o *fitbit.Options) { o.People = nil },
		"nowhere to return": func(o *fitbit.Options) { o.RedirectURIs = nil },
		"relative redirect": func(o *fitbit.Options) { o.RedirectURIs = []string{"/callback"} },
		"the same twice":    func(o *fitbit.Options) { o.People = append(o.People[:1:1], o.People[0]) },
	} {
		o := whole
		change(&o)
		if _, err := fitbit.New(o); err == nil || strings.Contains(err.Error(), "secret: b") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
