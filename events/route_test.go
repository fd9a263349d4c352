package events_test

import (
	"bytes"
	"testing"

	"github.com/stridelog/stridelog/events"
)

func TestARouteComesBackByteForByte(t *testing.T) {
	for name, file := range map[string][]byte{
		"XML":        []byte("<?xml version=\"1.0\"?>\r\n<a b='&amp;'>\t\u2028</a>\n\n"),
		"byte order": []byte("\xEF\xBB\xBF<a/>"),
		"Latin 1":    []byte("<a>\xE9</a>"),
		"empty":      {},
	} {
		t.Run(name, func(t *testing.T) {
			e := sampleEvent(t, events.TypeRouteFetched)
			fact, ok := e.Data.(*events.RouteFetched)
			if !ok {
				t.Fatal("the sample is no route")
			}
			fact.Raw = file
			message, err := e.Encode()
			if err != nil {
				t.Fatal(err)
			}
			back, err := events.Decode(message)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := back.Data.(*events.RouteFetched); !ok || !bytes.Equal(got.Raw, file) || got.ActivitySequence != fact.ActivitySequence {
				t.Errorf("%q came back as %+v", file, back.Data)
			}
		})
	}
}

// The log bounds a message: a file of tags must not grow much within JSON.
func TestARouteIsHardlyLongerInItsEvent(t *testing.T) {
	e := sampleEvent(t, events.TypeRouteFetched)
	fact, ok := e.Data.(*events.RouteFetched)
	if !ok {
		t.Fatal("the sample is no route")
	}
	fact.Raw = bytes.Repeat([]byte("<Trackpoint><Time>2026-10-03T06:30:00Z</Time></Trackpoint>\n"), 1000)
	message, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if len(message.Data) > len(fact.Raw)*11/10 {
		t.Errorf("%d bytes became %d", len(fact.Raw), len(message.Data))
	}
}

func TestRouteIDsFollowVersionAndContent(t *testing.T) {
	first := events.RouteFactID("u", "google_health", "1", 5, "A")
	if first != events.RouteFactID("u", "google_health", "1", 5, "A") {
		t.Error("the same route has two ids")
	}
	for name, id := range map[string]string{
		"another version": events.RouteFactID("u", "google_health", "1", 6, "A"),
		"other bytes":     events.RouteFactID("u", "google_health", "1", 5, "B"),
	} {
		if id == first {
			t.Errorf("%s has the same id", name)
		}
	}
}
