package system

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider/catalog"
	"github.com/stridelog/stridelog/services/poller"
	"github.com/stridelog/stridelog/services/projector"
)

// A chunk is compared at once: so many facts, or as many as hold so many bytes.
const (
	verifyFacts = 2000
	verifyBytes = 16 << 20
	verifyTold  = time.Second // between two words of progress
)

// Verified says what a comparison of the tables with the log found.
type Verified struct {
	Facts        int    // of activities
	Unreadable   int    // messages that are no readable fact
	Hashed       int    // records that were hashed again
	LastSequence uint64 // up to which was compared
	Tables       int    // differences of the workout tables
	Index        int    // differences of the poller's index
	Damaged      int    // facts that are not as they were written
	Elapsed      time.Duration
}

// Difference is what a table has otherwise than the log, without any data.
type Difference struct {
	Where    string // tables, index, log
	Sequence uint64
	UserID   string
	ID       string // of the workout, or the provider's id of the activity
	What     string
}

// VerifyProgress says how far a comparison is.
type VerifyProgress struct {
	Facts            int
	Sequence, Target uint64
	Rate             float64 // facts a second
}

// Verify reads the log once, beside a running system, and compares the projector's
// tables and the poller's index with it. It changes nothing. On stores that a restore has
// not ended on it waits for no projector: the rebuild has folded the log.
func (s *System) Verify(ctx context.Context, report func(Difference), progress func(VerifyProgress)) (Verified, error) {
	polls, err := s.open(ctx, "verify", "poller", nil) // the services beside it have the metrics
	if err != nil {
		return Verified{}, err
	}
	defer polls.close()
	folds, err := s.open(ctx, "verify", "projector", nil)
	if err != nil {
		return Verified{}, err
	}
	defer folds.close()
	v := verification{bus: folds.bus, report: report, progress: progress, began: time.Now()}
	if v.poller, err = s.pollerOfAll(polls); err != nil {
		return Verified{}, err
	}
	service, err := s.projector(folds)
	if err != nil {
		return Verified{}, err
	}
	v.tables = service.Verify(func(d projector.Difference) {
		v.found = append(v.found, Difference{Where: "tables", Sequence: d.Sequence, UserID: d.UserID, ID: d.ID, What: d.What})
	})
	v.tables.AtRest = s.Restoring
	v.index = v.poller.Verify(func(d poller.Difference) {
		where := "index"
		if d.Damaged {
			where = "log"
		}
		v.found = append(v.found, Difference{Where: where, Sequence: d.Sequence, UserID: d.UserID, ID: d.ExternalID, What: d.What})
	})
	return v.run(ctx)
}

// pollerOfAll is a poller that knows how the records of every provider are hashed and
// which tell of a route, also of those that this process has no credentials of.
func (s *System) pollerOfAll(c clients) (*poller.Service, error) {
	return s.pollerOf(c, catalog.Sketches())
}

// verification is one comparison under way.
type verification struct {
	bus      *bus.Bus
	poller   *poller.Service
	tables   *projector.Verification
	index    *poller.Verification
	report   func(Difference)
	progress func(VerifyProgress)
	began    time.Time
	told     time.Time

	done  Verified
	found []Difference // of the present chunk
	chunk []bus.Delivery
	bytes int
}

var errEnough = errors.New("the log is read to the target")

func (v *verification) run(ctx context.Context) (Verified, error) {
	target, err := v.tables.Settle(ctx)
	if err != nil {
		return v.done, err
	}
	v.done.LastSequence = target
	if err := v.index.Begin(ctx, target); err != nil {
		return v.done, err
	}
	_, err = v.bus.Read(ctx, events.StreamFacts, subjectsOfRecords(), 1, func(d bus.Delivery) error {
		if d.Sequence > target {
			return errEnough
		}
		return v.take(ctx, d)
	})
	if err != nil && !errors.Is(err, errEnough) {
		return v.done, err
	}
	if err := v.compare(ctx); err != nil {
		return v.done, err
	}
	if err := v.tables.Finish(ctx); err != nil {
		return v.done, err
	}
	if err := v.index.Finish(ctx); err != nil {
		return v.done, err
	}
	err = v.reportFound(ctx)
	v.done.Hashed, v.done.Elapsed = v.index.Hashed, time.Since(v.began)
	return v.done, err
}

// subjectsOfRecords are the facts about records, of every fence.
func subjectsOfRecords() (all []string) {
	for _, f := range events.Fences() {
		all = append(all, f.Subjects("*", "*"))
	}
	return all
}

func (v *verification) take(ctx context.Context, d bus.Delivery) error {
	v.done.Facts++
	if d.Err != nil {
		v.done.Unreadable++
	}
	v.chunk, v.bytes = append(v.chunk, d), v.bytes+len(d.Message.Data)
	if len(v.chunk) < verifyFacts && v.bytes < verifyBytes {
		return nil
	}
	return v.compare(ctx)
}

func (v *verification) compare(ctx context.Context) error {
	if len(v.chunk) == 0 {
		return nil
	}
	if err := v.tables.Check(ctx, v.chunk); err != nil {
		return err
	}
	if err := v.index.Check(ctx, v.chunk); err != nil {
		return err
	}
	last := v.chunk[len(v.chunk)-1].Sequence
	clear(v.chunk) // else the records stay in memory
	v.chunk, v.bytes = v.chunk[:0], 0
	if time.Since(v.told) >= verifyTold {
		v.told = time.Now()
		v.progress(VerifyProgress{Facts: v.done.Facts, Sequence: last, Target: v.done.LastSequence, Rate: float64(v.done.Facts) / time.Since(v.began).Seconds()})
	}
	return v.reportFound(ctx)
}

// reportFound reports what was found, but of whoever is being erased: their facts, their
// index and their tables do not go at one moment.
func (v *verification) reportFound(ctx context.Context) error {
	users := make([]uuid.UUID, 0, len(v.found))
	for _, d := range v.found {
		if id, err := uuid.Parse(d.UserID); err == nil {
			users = append(users, id)
		}
	}
	if len(users) == 0 {
		return nil
	}
	erased, err := v.poller.Erased(ctx, users)
	if err != nil {
		return err
	}
	for _, d := range v.found {
		if erased[d.UserID] {
			continue
		}
		switch d.Where {
		case "tables":
			v.done.Tables++
		case "index":
			v.done.Index++
		default:
			v.done.Damaged++
		}
		v.report(d)
	}
	v.found = v.found[:0]
	return nil
}
