package googlehealth_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

func TestChangesAreTold(t *testing.T) {
	a, h := subscribed(t, nil)
	ctx := t.Context()
	id := a.upload(0)
	a.upload(2) // who consented to nothing
	a.cloud.Deliver(ctx)
	got := h.take()
	if len(got) != 1 {
		t.Fatalf("%d notifications", len(got))
	}
	if err := a.verify(got[0]); err != nil || got[0].header.Get("Authorization") != hookSecret {
		t.Errorf("%v, secret %q", err, got[0].header.Get("Authorization"))
	}
	told := items(t, got[0].body)
	if d := told[0].Data; len(told) != 1 || d.HealthUserID != a.account(0) || d.Operation != "UPSERT" || d.DataType != "exercise" || d.RecordID != "" {
		t.Errorf("told %+v", told)
	}
	for _, measured := range []string{"yoga", "YOGA", "calories"} {
		if strings.Contains(got[0].body, measured) {
			t.Errorf("a notification holds %s", measured)
		}
	}
	if err := a.cloud.Delete(a.account(0), id); err != nil {
		t.Fatal(err)
	}
	a.cloud.Deliver(ctx)
	deleted := items(t, h.take()[0].body)[0].Data
	if deleted.Operation != "DELETE" || deleted.RecordID != id || deleted.Intervals[0].PhysicalTimeInterval == nil || deleted.Intervals[0].CivilDateTimeInterval != nil || deleted.Intervals[0].CivilISO8601TimeInterval == nil {
		t.Errorf("told %+v", deleted)
	}
	if err := a.cloud.Withdraw(a.account(0)); err != nil {
		t.Fatal(err)
	}
	a.upload(0)
	if accepted, _ := a.cloud.Deliver(ctx); accepted != 0 {
		t.Error("told of somebody who withdrew")
	}
}

func TestManyChangesComeInArrays(t *testing.T) {
	a, h := subscribed(t, nil)
	for range 230 {
		a.upload(1)
	}
	a.cloud.Deliver(t.Context())
	got := h.take()
	if len(got) != 3 || len(items(t, got[0].body)) != 99 || len(items(t, got[2].body)) != 32 {
		t.Fatalf("%d notifications", len(got))
	}
	shapes, forms := map[bool]int{}, map[bool]int{}
	for i := range 12 {
		a.clock.Forward(time.Duration(i) * time.Minute)
		a.upload(0)
		a.cloud.Deliver(t.Context())
		for _, r := range h.take() {
			shapes[strings.HasPrefix(r.body, "[")]++
			forms[items(t, r.body)[0].Data.Intervals[0].PhysicalTimeInterval == nil]++
		}
	}
	if shapes[true] == 0 || shapes[false] == 0 || forms[true] == 0 || forms[false] == 0 {
		t.Errorf("arrays %v, civil alone %v", shapes, forms)
	}
}

func TestWhatArrivesByItselfIsTold(t *testing.T) {
	a, h := subscribed(t, nil)
	before := len(a.cloud.Records(a.account(0)))
	a.clock.Forward(20 * 24 * time.Hour)
	a.connect(0)
	a.cloud.Deliver(t.Context())
	told := 0
	for _, r := range h.take() {
		for _, one := range items(t, r.body) {
			if one.Data.HealthUserID == a.account(0) {
				told++
			}
		}
	}
	if came := len(a.cloud.Records(a.account(0))) - before; told < came || came < 5 {
		t.Errorf("told of %d, %d came", told, came)
	}
	a.cloud.Deliver(t.Context())
	if again := h.take(); len(again) != 0 {
		t.Errorf("told again: %d", len(again))
	}
}

func TestOnly204EndsANotification(t *testing.T) {
	a, h := subscribed(t, func(o *googlehealth.Options) { o.RetryEvery = time.Minute })
	ctx := t.Context()
	status := 200
	h.setAnswer(func(*http.Request, string) int { return status })
	a.upload(0)
	for i, wait := range []time.Duration{0, time.Minute, 2 * time.Minute, 4 * time.Minute} {
		a.clock.Forward(wait - time.Second)
		if wait > 0 {
			a.cloud.Deliver(ctx)
		}
		if early := h.take(); len(early) != 0 {
			t.Errorf("attempt %d came early", i)
		}
		a.clock.Forward(time.Second)
		status = []int{200, 503, 401, 204}[i]
		accepted, waiting := a.cloud.Deliver(ctx)
		if len(h.take()) != 1 || (accepted == 1) != (i == 3) || (waiting == 0) != (i == 3) {
			t.Errorf("attempt %d: accepted %d, waiting %d", i, accepted, waiting)
		}
	}
	status = 500
	a.upload(0)
	attempts := 0
	for range 24 * 8 {
		a.cloud.Deliver(ctx)
		a.clock.Forward(time.Hour)
		attempts += len(h.take())
	}
	if _, waiting := a.cloud.Deliver(ctx); attempts < 24*6 || waiting > 40 {
		t.Errorf("%d attempts in eight days, %d still wait", attempts, waiting)
	}
}

func TestNotificationsGoWrong(t *testing.T) {
	a, h := subscribed(t, nil)
	ctx := t.Context()
	with := func(f googlehealth.NotificationFault) {
		a.cloud.SetNotificationFault(func(n *googlehealth.Notification) *googlehealth.NotificationFault {
			if n.Number > 1 || n.Attempt > 1 {
				return nil
			}
			return &f
		})
	}
	empty, other := "", "Bearer other"
	with(googlehealth.NotificationFault{Lost: true})
	a.upload(0)
	if _, waiting := a.cloud.Deliver(ctx); waiting != 0 || len(h.take()) != 0 {
		t.Error("a lost notification came")
	}
	with(googlehealth.NotificationFault{Again: 2})
	a.upload(0)
	a.cloud.Deliver(ctx)
	if got := h.take(); len(got) != 3 || got[0].body != got[2].body || a.verify(got[2]) != nil {
		t.Errorf("%d came of one", len(got))
	}
	for name, f := range map[string]googlehealth.NotificationFault{
		"changed body":    {Body: func(b []byte) []byte { return []byte(strings.Replace(string(b), "UPSERT", "DELETE", 1)) }},
		"no signature":    {Signature: &empty},
		"wrong signature": {Signature: &other},
		"foreign key":     {ForeignKey: true},
	} {
		with(f)
		a.upload(0)
		a.cloud.Deliver(ctx)
		got := h.take()
		if len(got) != 1 || a.verify(got[0]) == nil {
			t.Errorf("%s: %d came, and the signature holds", name, len(got))
		}
	}
	with(googlehealth.NotificationFault{Secret: &other})
	a.upload(0)
	if _, waiting := a.cloud.Deliver(ctx); waiting != 1 {
		t.Error("the wrong secret was accepted")
	}
	h.take()
	a.clock.Forward(time.Minute)
	if _, waiting := a.cloud.Deliver(ctx); waiting != 0 || len(h.take()) != 1 {
		t.Error("it did not come again with the right one")
	}
}

func TestNotificationsComeOutOfOrder(t *testing.T) {
	a, h := subscribed(t, nil)
	for i := range 150 {
		a.upload(i % 2)
	}
	a.cloud.SetNotificationFault(func(n *googlehealth.Notification) *googlehealth.NotificationFault {
		return &googlehealth.NotificationFault{Late: n.Number == 1}
	})
	a.cloud.Deliver(t.Context())
	got := h.take()
	if len(got) != 2 || len(items(t, got[0].body)) != 51 || len(items(t, got[1].body)) != 99 {
		t.Errorf("%d notifications", len(got))
	}
}

func TestForgeries(t *testing.T) {
	a, h := subscribed(t, func(o *googlehealth.Options) { o.OldSignatureHeader = true })
	body := []byte(`{"data":{"version":"1","healthUserId":"1","operation":"UPSERT","dataType":"exercise"}}`)
	if status, err := a.cloud.Forge(t.Context(), "my-sub-1", body, googlehealth.NotificationFault{}); err != nil || status != 204 {
		t.Errorf("%d %v", status, err)
	}
	got := h.take()
	if len(got) != 1 || got[0].header.Get("X-HEALTHAPI-SIGNATURE") == "" || a.verify(got[0]) != nil {
		t.Errorf("came %+v", got)
	}
	wrong := "Bearer guessed"
	if status, err := a.cloud.Forge(t.Context(), "my-sub-1", body, googlehealth.NotificationFault{Secret: &wrong}); err != nil || status != 401 {
		t.Errorf("with a wrong secret: %d %v", status, err)
	}
	if _, err := a.cloud.Forge(t.Context(), "nobody", body, googlehealth.NotificationFault{}); err == nil {
		t.Error("forged for a stranger")
	}
}

func TestKeysRotate(t *testing.T) {
	a, h := subscribed(t, nil)
	sent := func() received {
		a.upload(0)
		a.cloud.Deliver(t.Context())
		return h.take()[0]
	}
	all := []received{sent()}
	for range 3 {
		if err := a.cloud.RotateKeys(); err != nil {
			t.Fatal(err)
		}
		all = append(all, sent())
	}
	for i, r := range all {
		if err := a.verify(r); (err == nil) != (i >= 2) { // the newest key and the one before it
			t.Errorf("notification %d: %v", i, err)
		}
	}
	var set struct {
		PrimaryKeyID uint32
		Key          []struct{ KeyData struct{ Value string } }
	}
	if err := json.Unmarshal([]byte(a.get("", googlehealth.KeysPath).Body), &set); err != nil || len(set.Key) != 3 || set.PrimaryKeyID == 0 {
		t.Errorf("%+v %v", set, err)
	}
}

func TestRunDelivers(t *testing.T) {
	a, h := subscribed(t, nil)
	<-h.came // the handshake
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	ready := make(chan struct{})
	go func() { ended <- a.cloud.Run(ctx, func() { close(ready) }) }()
	<-ready
	a.upload(0)
	select {
	case <-h.came:
	case <-time.After(5 * time.Minute):
		t.Error("nothing came")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
