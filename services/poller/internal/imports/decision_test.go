package imports

import (
	"testing"

	"github.com/stridelog/stridelog/events"
)

// Archives of one era say more about the same record than those of another, and
// nothing else tells which is the better one.
func TestTheRecordThatSaysMoreStands(t *testing.T) {
	stand := func(hash, raw string) stand {
		return standOf(&events.ActivityFetched{ContentHash: hash, HashVersion: 1, Raw: events.Raw(raw)})
	}
	rich := stand("a", `{"logId":1,"name":"a:b,c\",d","zones":[{"min":30,"caloriesOut":1.5},{"min":90,"caloriesOut":2}]}`)
	poor := stand("b", `{"logId":1,"name":"a:b,c\",d","zones":[{"min":30},{"min":90}]}`)
	if rich.values != 12 || poor.values != 8 {
		t.Errorf("%d and %d values", rich.values, poor.values)
	}
	if rich.compare(poor) <= 0 || poor.compare(rich) >= 0 {
		t.Error("the record that says less stands")
	}
	if again := stand("a", `{ "logId" : 1 }`); rich.compare(again) != 0 {
		t.Error("the same record in other bytes is another one")
	}
	narrow, wide := stand("d", "id,a\r\n1,2"), stand("c", "id,a,b\r\n1,2,3")
	if wide.compare(narrow) <= 0 {
		t.Error("the narrower table stands")
	}
}
