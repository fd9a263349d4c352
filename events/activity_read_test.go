package events_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/events"
)

// plainActivityFetched has the members of ActivityFetched and none of its methods, so that
// encoding/json reads it.
type plainActivityFetched events.ActivityFetched

// fill gives every field of a struct a value of its own.
func fill(t *testing.T, v reflect.Value, n *int, text string) {
	t.Helper()
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprint(text, *n))
	case reflect.Int:
		v.SetInt(int64(*n))
	case reflect.Uint64:
		v.SetUint(1<<40 + uint64(*n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n, text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0), n, text)
		fill(t, v.Index(1), n, text)
	case reflect.Struct:
		if at, ok := v.Addr().Interface().(*time.Time); ok {
			*at = time.Date(2026, 3, 1, 6, 0, *n, 500, time.FixedZone("", 3600))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("json") != "-" {
				fill(t, v.Field(i), n, text)
			}
		}
	default:
		t.Fatalf("a field is a %s; teach this test and UnmarshalJSON to read it", v.Kind())
	}
}

// A fact is read member by member. None may be forgotten, whatever its text is.
func TestEveryMemberOfAFactIsRead(t *testing.T) {
	for _, text := range []string{"plain", "", "quo\"te \\ \n", "Überlänge <&> \u2028", "\x7f"} {
		var want plainActivityFetched
		n := 0
		fill(t, reflect.ValueOf(&want).Elem(), &n, text)
		object, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		payload := strings.TrimSuffix(string(object), "}") + `,"raw_encoding":"json","raw":{"a":1},"of a later version":[]}`
		var got events.ActivityFetched
		if err := json.Unmarshal([]byte(payload), &got); err != nil {
			t.Fatal(err)
		}
		if string(got.Raw) != `{"a":1}` {
			t.Errorf("raw is %s", got.Raw)
		}
		again, err := json.Marshal(plainActivityFetched(got))
		if err != nil || string(again) != string(object) {
			t.Errorf("%v, read\n%s\nwant\n%s", err, again, object)
		}
	}
}

// Members that a fact does not have, and nulls, leave zeros.
func TestAFactOfFewMembersIsRead(t *testing.T) {
	const payload = `{"user_id":null,"hash_version":null,"context":null,"started_at":null,"fetched_at":null,"origin":null,"raw_encoding":"text","raw":"x"}`
	var got events.ActivityFetched
	if err := json.Unmarshal([]byte(payload), &got); err != nil || !reflect.DeepEqual(got, events.ActivityFetched{Raw: events.Raw("x")}) {
		t.Errorf("%v, read %+v", err, got)
	}
	for _, broken := range []string{`[]`, `{"hash_version":1.5}`, `{"hash_version":-1e99}`, `{"context":[]}`, `{"fetched_at":"yesterday"}`, `{"origin":{}}`} {
		if err := got.UnmarshalJSON([]byte(broken)); err == nil {
			t.Errorf("%s is read", broken)
		}
	}
}

// A reader of JSON takes a payload of some depth. A record that is as deep by itself
// goes as text.
func TestADeepRecordComesBack(t *testing.T) {
	for _, depth := range []int{9_999, 10_000, 10_001} {
		record := []byte(strings.Repeat("[", depth) + strings.Repeat("]", depth))
		m := activityWith(t, record)
		if !json.Valid(m.Data) {
			t.Errorf("depth %d: the payload is too deep", depth)
		}
		if got := rawOf(t, m); string(got) != string(record) {
			t.Errorf("depth %d: it does not come back", depth)
		}
	}
}
