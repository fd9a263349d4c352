package fitbit_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator/fitbit"
)

// lying gives the first page of ten with a lie, and as it is.
func lying(t *testing.T, lie func([]byte) []byte) (lied, real page) {
	t.Helper()
	a := newApp(t, nil)
	token := a.connect(a.people[0]).Access
	const address = listPath + "?beforeDate=2099-01-01&sort=desc&limit=10&offset=0"
	real = a.page(token, address)
	a.cloud.SetFault(func(*fitbit.Call) *fitbit.Fault { return &fitbit.Fault{Rewrite: lie} })
	return a.page(token, address), real
}

func TestReorderedKeysAreTheSameRecord(t *testing.T) {
	lied, real := lying(t, fitbit.ReorderKeys)
	for i := range real.Activities {
		var a, b any
		if err := json.Unmarshal(lied.Activities[i], &a); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(real.Activities[i], &b); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(a, b) || bytes.Equal(lied.Activities[i], real.Activities[i]) {
			t.Errorf("record %d: want the same content in another order, got\n%s\nof\n%s", i, lied.Activities[i], real.Activities[i])
		}
	}
}

func TestAnotherLanguageChangesLabelsAlone(t *testing.T) {
	lied, real := lying(t, fitbit.OtherLanguage)
	for i := range real.Activities {
		var a, b map[string]json.RawMessage
		if err := json.Unmarshal(lied.Activities[i], &a); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(real.Activities[i], &b); err != nil {
			t.Fatal(err)
		}
		for name := range b {
			same := bytes.Equal(a[name], b[name])
			switch name {
			case "activityName":
				if same {
					t.Errorf("record %d still has the name %s", i, a[name])
				}
			case "heartRateZones", "activeZoneMinutes", "source": // hold labels, or spaces that go
			case "activityLevel", "startTime", "logId", "duration", "distance":
				var x, y any
				if json.Unmarshal(a[name], &x) != nil || json.Unmarshal(b[name], &y) != nil || !reflect.DeepEqual(x, y) {
					t.Errorf("record %d: %s changed from %s to %s", i, name, b[name], a[name])
				}
			}
		}
	}
}

func TestOmittedZerosLeaveEverythingElse(t *testing.T) {
	lied, real := lying(t, fitbit.OmitZeros)
	omitted := 0
	for i := range real.Activities {
		var with, without any
		if err := json.Unmarshal(real.Activities[i], &with); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(lied.Activities[i], &without); err != nil {
			t.Fatal(err)
		}
		omitted += dropZeros(with)
		if !reflect.DeepEqual(with, without) {
			t.Errorf("record %d: got\n%s\nof\n%s", i, lied.Activities[i], real.Activities[i])
		}
	}
	if omitted == 0 {
		t.Error("no record holds a zero, so nothing is tested")
	}
	if lied.Pagination.Next != real.Pagination.Next {
		t.Errorf("the next page is %q, want %q", lied.Pagination.Next, real.Pagination.Next)
	}
}

// dropZeros takes the zeros out of decoded objects and counts them.
func dropZeros(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if value == 0.0 {
				delete(v, name)
				n++
			}
			n += dropZeros(value)
		}
	case []any:
		for _, value := range v {
			n += dropZeros(value)
		}
	}
	return n
}

func TestAnEmptyListHasNoNextPage(t *testing.T) {
	lied, real := lying(t, fitbit.EmptyList)
	if real.Pagination.Next == "" || len(lied.Activities) != 0 || lied.Pagination.Next != "" {
		t.Errorf("%d records and next %q", len(lied.Activities), lied.Pagination.Next)
	}
}

func TestARecordRepeatsAcrossPages(t *testing.T) {
	a := newApp(t, func(o *fitbit.Options) { o.MaxPage = 7 })
	token := a.connect(a.people[0]).Access
	repeat := fitbit.RepeatAcrossPages()
	a.cloud.SetFault(func(*fitbit.Call) *fitbit.Fault { return &fitbit.Fault{Rewrite: repeat} })
	first := a.page(token, listPath+"?beforeDate=2099-01-01&sort=desc&limit=100&offset=0")
	if len(first.Activities) != 7 {
		t.Fatalf("a page has %d records, want MaxPage", len(first.Activities))
	}
	second := a.page(token, first.Pagination.Next)
	if len(second.Activities) != 8 || !bytes.Equal(second.Activities[0], first.Activities[6]) {
		t.Errorf("the second page has %d records and does not begin with the last one of the first", len(second.Activities))
	}
}

func TestAQuotaOfOnesOwn(t *testing.T) {
	a := newApp(t, nil)
	account := a.people[0].AccountID()
	token := a.connect(a.people[0]).Access
	if err := a.cloud.SetQuota(account, 2, 3*time.Second); err != nil {
		t.Fatal(err)
	}
	const address = listPath + "?beforeDate=2099-01-01&sort=desc&limit=10&offset=0"
	for i, want := range []int{200, 200, 429} {
		if got := a.get(token, address); got.Status != want {
			t.Fatalf("request %d is answered %d, want %d", i+1, got.Status, want)
		}
	}
	if n := a.cloud.Overruns(account); n != 1 {
		t.Errorf("%d overruns, want 1", n)
	}
	a.clock.Forward(3 * time.Second)
	if got := a.get(token, address); got.Status != 200 {
		t.Errorf("after the reset: %d", got.Status)
	}
	if a.cloud.SetQuota("NOBODY", 2, time.Minute) == nil || a.cloud.SetQuota(account, 0, time.Minute) == nil {
		t.Error("an impossible quota was taken")
	}
}
