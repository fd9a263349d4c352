package e2e

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
)

// TestAnAuditFindsWhatIsPlanted is the control of every other audit: what must
// find nothing finds something that was put there.
func TestAnAuditFindsWhatIsPlanted(t *testing.T) {
	const user = "00000000-0000-4000-8000-000000000001"
	person, err := simulator.NewPerson(1, "control", "Europe/Berlin", simulator.Options{Now: time.Now(), Days: 20})
	if err != nil {
		t.Fatal(err)
	}
	truths := person.History(time.Now())[:2]
	fact := func(i int) factLine { return factLine{ExternalID: truths[i].ExternalID, event: typeFetched} }
	row := func(id string) json.RawMessage {
		text, err := json.Marshal(map[string]any{"external_id": id})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	// The rows of this test hold ids alone; their other fields are not looked at.
	idsOnly := func(string) bool { return true }
	both := []json.RawMessage{row(truths[0].ExternalID), row(truths[1].ExternalID)}
	for _, tc := range []struct {
		name                 string
		facts                []factLine
		rows                 []json.RawMessage
		versions             map[string]int
		ignore               func(string) bool
		lost, doubled, extra int
	}{
		{name: "nothing", facts: []factLine{fact(0), fact(1)}, rows: both, ignore: idsOnly},
		{name: "an edit", facts: []factLine{fact(0), fact(1), fact(1)}, rows: both, versions: map[string]int{truths[1].ExternalID: 1}, ignore: idsOnly},
		{name: "a fact missing", facts: []factLine{fact(0)}, rows: both, ignore: idsOnly, lost: 1},
		{name: "a row missing", facts: []factLine{fact(0), fact(1)}, rows: both[:1], ignore: idsOnly, lost: 1},
		{name: "a row with other content", facts: []factLine{fact(0), fact(1)}, rows: both, lost: 2},
		{name: "a fact twice", facts: []factLine{fact(0), fact(1), fact(1)}, rows: both, ignore: idsOnly, doubled: 1},
		{name: "a row twice", facts: []factLine{fact(0), fact(1)}, rows: append(both[:2:2], both[0]), ignore: idsOnly, doubled: 1},
		{name: "a stranger", facts: []factLine{fact(0), fact(1), {ExternalID: "1", event: typeFetched}}, rows: append(both[:2:2], row("1")), ignore: idsOnly, extra: 2},
		{name: "a false removal", facts: []factLine{fact(0), fact(1), {ExternalID: truths[0].ExternalID, event: typeRemoved}}, rows: both, ignore: idsOnly, extra: 1},
	} {
		a := inspect(tc.facts, tc.rows, user, truths, tc.versions, nil, tc.ignore)
		if a.lost != tc.lost || a.doubled != tc.doubled || a.extra != tc.extra {
			t.Errorf("%s: %v", tc.name, a)
		}
	}
}
