package gateway_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

type deadPage struct {
	Data []struct {
		Sequence         uint64  `json:"sequence"`
		Service          string  `json:"service"`
		Provider         *string `json:"provider"`
		UserID           *string `json:"user_id"`
		Type             *string `json:"type"`
		EventID          *string `json:"event_id"`
		Stream           string  `json:"stream"`
		OriginalSequence uint64  `json:"original_sequence"`
		Reason           string  `json:"reason"`
		At               string  `json:"at"`
	} `json:"data"`
	Pagination struct {
		NextCursor     *string `json:"next_cursor"`
		PreviousCursor *string `json:"previous_cursor"`
		HasMore        bool    `json:"has_more"`
		TotalCount     int     `json:"total_count"`
	} `json:"pagination"`
}

func (p deadPage) sequences() (list []uint64) {
	for _, d := range p.Data {
		list = append(list, d.Sequence)
	}
	return list
}

func TestDeadLettersAreListedWithoutTheirContent(t *testing.T) {
	s := gatewaytest.New(t)
	if err := s.Bus.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	const path = "/api/v1/dead-letters"
	var p deadPage
	if a := s.Call(http.MethodGet, path, "", 200, &p); !strings.Contains(string(a.Body), `"data":[]`) || p.Pagination.TotalCount != 0 {
		t.Errorf("an empty list is %s", a.Body)
	}
	user := uuid.NewString()
	d := bus.Delivery{Stream: events.StreamFacts}
	d.Message.Subject = "stridelog.activity.fetched.fitbit." + user
	d.Message.Header = map[string][]string{events.HeaderID: {"event-1"}, events.HeaderType: {string(events.TypeActivityFetched)}}
	d.Message.Data = []byte(`{"raw":"a person's record"}`)
	for n := range uint64(5) {
		d.Sequence = 100 + n
		if err := s.Bus.DeadLetter(t.Context(), "projector", d, fmt.Errorf("reason %d", n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Bus.DeadLetter(t.Context(), "poller", bus.Delivery{Stream: events.StreamSyncs, Sequence: 7}, errors.New("no event at all")); err != nil {
		t.Fatal(err)
	}
	a := s.Call(http.MethodGet, path, "", 200, &p)
	if strings.Contains(string(a.Body), "person's record") {
		t.Errorf("the list shows what was in the event: %s", a.Body)
	}
	if got := p.sequences(); !slices.Equal(got, []uint64{6, 5, 4, 3, 2, 1}) || p.Pagination.TotalCount != 6 || p.Pagination.HasMore {
		t.Fatalf("the list is %s", a.Body)
	}
	if x := p.Data[0]; x.Service != "poller" || x.Provider != nil || x.UserID != nil || x.Type != nil || x.EventID != nil || x.OriginalSequence != 7 {
		t.Errorf("what is no event is shown as %s", a.Body)
	}
	if x := p.Data[1]; x.Service != "projector" || *x.Provider != "fitbit" || *x.UserID != user || *x.Type != string(events.TypeActivityFetched) ||
		*x.EventID != "event-1" || x.Stream != events.StreamFacts || x.OriginalSequence != 104 || x.Reason != "reason 4" || x.At == "" {
		t.Errorf("a dead letter is shown as %+v", x)
	}

	turn := func(cursor *string) deadPage {
		t.Helper()
		q := url.Values{"limit": {"2"}}
		if cursor != nil {
			q.Set("cursor", *cursor)
		}
		var p deadPage
		s.Call(http.MethodGet, path+"?"+q.Encode(), "", 200, &p)
		return p
	}
	one := turn(nil)
	two := turn(one.Pagination.NextCursor)
	three := turn(two.Pagination.NextCursor)
	if got := slices.Concat(one.sequences(), two.sequences(), three.sequences()); !slices.Equal(got, p.sequences()) || three.Pagination.HasMore || three.Pagination.NextCursor != nil {
		t.Errorf("page by page there are %v", got)
	}
	back := turn(three.Pagination.PreviousCursor)
	if !slices.Equal(back.sequences(), two.sequences()) || !back.Pagination.HasMore {
		t.Errorf("back there are %v, want %v", back.sequences(), two.sequences())
	}
	checkProblem(t, "a foreign cursor", s.Do(gatewaytest.Request{Method: http.MethodGet, Path: path + "?cursor=AAAA"}), 400, "invalid_request")
	checkProblem(t, "no key", s.Do(gatewaytest.Request{Method: http.MethodGet, Path: path, NoKey: true}), 401, "unauthorized")
}
