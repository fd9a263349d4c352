package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

// logs are people's messages in the log, as the poller and the projector delete them: a
// hundred a turn.
type logs struct {
	mu    sync.Mutex
	left  map[string]int64
	rows  map[string]int // services that have deleted the person's rows
	early []string       // people of whom messages were deleted before every row was
	ended []string       // in the order in which nothing was left
	turns int

	// rounds, where it is not nil, makes all turns of a round last equally long: nobody's
	// ends before everybody's who has something left has begun. It is closed at the end
	// of a round. Else a worker that gets no time would decide who ends first.
	rounds chan struct{}
	begun  map[string]bool // turns of this round, by person
}

// awaitRound waits until everybody's turn of this round has begun.
func (l *logs) awaitRound(ctx context.Context, user string) error {
	l.mu.Lock()
	round := l.rounds
	l.begun[user] = true
	over := true
	for other, left := range l.left {
		over = over && (left == 0 || l.begun[other])
	}
	if over {
		close(l.rounds)
		l.rounds, l.begun = make(chan struct{}), map[string]bool{}
	}
	l.mu.Unlock()
	select {
	case <-round:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *logs) answer(ctx context.Context, r rpc.EraseRequest) (rpc.EraseResponse, error) {
	if r.Part == rpc.EraseLog && l.begun != nil {
		if err := l.awaitRound(ctx, r.UserID); err != nil {
			return rpc.EraseResponse{}, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Part != rpc.EraseLog {
		l.rows[r.UserID]++
		return rpc.EraseResponse{Counts: map[string]int64{"rows": 1}}, nil
	}
	if l.rows[r.UserID] < 3 {
		l.early = append(l.early, r.UserID)
	}
	var erased int64
	if len(r.Progress) > 0 {
		if err := json.Unmarshal(r.Progress, &erased); err != nil {
			return rpc.EraseResponse{}, err
		}
	}
	n := min(l.left[r.UserID], 100)
	l.left[r.UserID] -= n
	l.turns++
	if n > 0 && l.left[r.UserID] == 0 {
		l.ended = append(l.ended, r.UserID)
	}
	progress, err := json.Marshal(erased + n)
	return rpc.EraseResponse{Erased: map[string]int64{"facts": erased + n}, Left: l.left[r.UserID], Progress: progress}, err
}

// Several people are erased in turns: who has little to erase waits for nobody who has
// much, also when they come last.
func TestPeopleAreErasedInTurnsTheSmallestFirst(t *testing.T) {
	s := gatewaytest.Stores(t)
	s.Publish()
	stop := s.Start(s.Config())
	l := &logs{left: map[string]int64{}, rows: map[string]int{}, rounds: make(chan struct{}), begun: map[string]bool{}}
	sizes := []int64{3000, 900, 10}
	var people []string
	erasures := map[string]string{}
	for _, size := range sizes {
		user := s.User().String()
		people, l.left[user] = append(people, user), size
		var begun struct {
			ErasureID string `json:"erasure_id"`
		}
		s.Call(http.MethodDelete, "/api/v1/users/"+user, "", 202, &begun)
		erasures[user] = begun.ErasureID
	}
	stop()
	// What the first gateway tried in vain is put off by each one's own time, and its locks
	// last until Postgres has seen its session end. The next one finds all due and free.
	s.Await("the locks of the gateway that stopped are free", func() bool {
		var held int
		s.Scan(`SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`, nil, &held)
		return held == 0
	})
	s.Exec(`UPDATE gateway.erasures SET not_before = now(), attempts = 0`)
	nothing := func(_ context.Context, r rpc.EraseRequest) (rpc.EraseResponse, error) {
		if r.Part == rpc.EraseLog {
			return rpc.EraseResponse{}, nil
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.rows[r.UserID]++
		return rpc.EraseResponse{Counts: map[string]int64{"rows": 1}}, nil
	}
	s.Serve("oauth", bus.Method(rpc.OAuthErase, nothing))
	s.Serve("projector", bus.Method(rpc.ProjectorErase, nothing))
	s.Serve("poller", bus.Method(rpc.PollerErase, l.answer))
	s.Start(s.Config())

	for i, user := range people {
		var now struct {
			State   string
			Counts  map[string]int64
			Left    *int64 `json:"messages_left"`
			Receipt *struct{ Counts map[string]int64 }
		}
		s.Await("the erasure ends", func() bool {
			s.Call(http.MethodGet, "/api/v1/erasures/"+erasures[user], "", 200, &now)
			if now.Left != nil && now.Counts["poller.facts"]+*now.Left != sizes[i] {
				t.Fatalf("of %d messages %d are erased and %d are left", sizes[i], now.Counts["poller.facts"], *now.Left)
			}
			return now.State == "done"
		})
		if now.Receipt == nil || now.Receipt.Counts["poller.facts"] != sizes[i] || now.Receipt.Counts["projector.rows"] != 1 || *now.Left != 0 {
			t.Errorf("the erasure of %d messages ends %+v", sizes[i], now)
		}
	}
	slices.Reverse(people)
	if !slices.Equal(l.ended, people) {
		t.Errorf("people end in the order %v, want %v", l.ended, people)
	}
	if len(l.early) > 0 {
		t.Errorf("of %v messages were deleted before the rows", l.early)
	}
	if want := 30 + 9 + 1; l.turns != want {
		t.Errorf("there were %d turns, want %d", l.turns, want)
	}
}

// Who only has to be counted, and whose services answer late, holds up nobody.
func TestAnErasureThatIsStuckHoldsUpNobody(t *testing.T) {
	s := gatewaytest.New(t)
	l := &logs{left: map[string]int64{}, rows: map[string]int{}}
	stuck := s.User().String()
	let := make(chan struct{})
	s.Serve("poller", bus.Method(rpc.PollerErase, l.answer))
	s.Serve("oauth", bus.Method(rpc.OAuthErase, func(context.Context, rpc.EraseRequest) (rpc.EraseResponse, error) { return rpc.EraseResponse{}, nil }))
	s.Serve("projector", bus.Method(rpc.ProjectorErase, func(_ context.Context, r rpc.EraseRequest) (rpc.EraseResponse, error) {
		if r.UserID == stuck {
			<-let
		}
		return rpc.EraseResponse{}, nil
	}))
	erase := func(user string) (state func() string) {
		var e struct {
			ErasureID string `json:"erasure_id"`
			State     string
		}
		s.Call(http.MethodDelete, "/api/v1/users/"+user, "", 202, &e)
		return func() string {
			s.Call(http.MethodGet, "/api/v1/erasures/"+e.ErasureID, "", 200, &e)
			return e.State
		}
	}
	first := erase(stuck)
	others := make([]func() string, 0, 5)
	for range cap(others) {
		others = append(others, erase(s.User().String()))
	}
	for _, state := range others {
		s.Await("the erasure of somebody else ends", func() bool { return state() == "done" })
	}
	if now := first(); now != "accepted" {
		t.Errorf("the one that waits is %s", now)
	}
	close(let)
	s.Await("the one that waited ends", func() bool { return first() == "done" })
}

// Erasures that are not done are a metric, with the age of the oldest.
func TestOpenErasuresAreCounted(t *testing.T) {
	s := gatewaytest.New(t)
	shown := func(want string) bool {
		return strings.Contains(string(s.Call(http.MethodGet, "/metrics", "", 200, nil).Body), "\n"+want)
	}
	if !shown("stridelog_erasures_open 0\n") || !shown("stridelog_erasures_oldest_age_seconds 0\n") {
		t.Error("without an erasure the metrics are not 0")
	}
	var last struct {
		ErasureID string `json:"erasure_id"`
	}
	for range 2 { // nobody answers for the other services, so they stay open
		s.Call(http.MethodDelete, "/api/v1/users/"+s.User().String(), "", 202, &last)
	}
	s.Exec(`UPDATE gateway.erasures SET requested_at = now() - interval '100000 seconds' WHERE id = $1`, last.ErasureID)
	if !shown("stridelog_erasures_open 2\n") || !shown("stridelog_erasures_oldest_age_seconds 100") { // and some more
		t.Error("the open erasures are not counted, or the oldest is not 100,000 s old")
	}
}
