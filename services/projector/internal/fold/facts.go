// Package fold takes facts as they come, folds them into the serving generation
// and announces what became of them.
//
// A batch is folded in one transaction, announced in a second one, and only then
// acknowledged. A crash between any two of these repeats the batch: rows that are
// there stay as they are, and announcements have the same ids.
package fold

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/projector/internal/duplicates"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/intake"
	"github.com/stridelog/stridelog/services/projector/internal/row"
)

// Durable is the name under which all projectors share the facts.
const Durable = "projector-facts"

const (
	service = "projector"
	source  = "stridelog/projector"

	maxBatch = 1000
	lanes    = 3 // one batch is read, one folded, one announced; more only wait for each other
)

// Facts is the live fold.
type Facts struct {
	Log     *slog.Logger
	Bus     *bus.Bus
	Tables  *generation.Tables
	Reader  *row.Reader
	Metrics *Metrics
	// AfterCommit runs between the fold's commit and the announcement. It is where
	// tests let a process die; nil does nothing.
	AfterCommit func() error
}

// Run folds until ctx ends. It fails when the log was restored; anything else it
// tries again.
func (f *Facts) Run(ctx context.Context, ready func()) error {
	if err := f.Tables.CheckPosition(ctx, Durable); err != nil {
		return err
	}
	serving, err := f.Tables.Serving(ctx)
	if err != nil {
		return err
	}
	if reason := f.Tables.CheckLayout(serving); reason != nil {
		f.Log.WarnContext(ctx, "facts wait in the log", "error", reason)
		ready() // what there is can be read
		ready = func() {}
		if f.Tables.AwaitLayout(ctx) != nil {
			return nil // ctx has ended
		}
	}
	facts := intake.Intake{
		Log: f.Log, Bus: f.Bus, Durable: Durable, Stream: events.StreamFacts, Max: maxBatch, Lanes: lanes,
		Fold: f.Fold, Failed: f.Metrics.FactsGivenBack, Await: f.Tables.AwaitLayout,
	}
	return facts.Run(ctx, ready)
}

// Fold writes a batch and announces it. When it returns nil the batch may be
// acknowledged.
func (f *Facts) Fold(ctx context.Context, deliveries []bus.Delivery) error {
	rows := f.Reader.ReadAll(deliveries)
	err := f.write(ctx, rows)
	if isDataError(err) {
		return f.isolate(ctx, deliveries, err)
	}
	if err != nil {
		return err
	}
	f.count(len(deliveries), rows)
	if f.AfterCommit != nil {
		if err := f.AfterCommit(); err != nil {
			return err
		}
	}
	return f.announce(ctx, rows)
}

// isolate finds the event that the database refuses, by halves, so that it alone
// becomes a dead letter.
func (f *Facts) isolate(ctx context.Context, deliveries []bus.Delivery, reason error) error {
	if len(deliveries) == 1 {
		rejected := row.Rows{Rejected: []row.Rejected{{Delivery: deliveries[0], Reason: refusal(reason)}}, HighWater: deliveries[0].Sequence}
		if err := f.write(ctx, rejected); err != nil {
			return err
		}
		return f.announce(ctx, rejected)
	}
	middle := len(deliveries) / 2
	if err := f.Fold(ctx, deliveries[:middle]); err != nil {
		return err
	}
	return f.Fold(ctx, deliveries[middle:])
}

// isDataError says whether the database refused what was in a row, and would
// refuse it again.
func isDataError(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (strings.HasPrefix(pg.Code, "22") || strings.HasPrefix(pg.Code, "23") || strings.HasPrefix(pg.Code, "54"))
}

// refusal is a database's refusal without its text, which can quote the row.
func refusal(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return fmt.Errorf("the database refuses the row (SQLSTATE %s)", pg.Code)
	}
	return err
}

func (f *Facts) write(ctx context.Context, rows row.Rows) error {
	err := f.writeOnce(ctx, rows, !rows.Redelivered && !rows.Late)
	if isKnown(err) {
		err = f.writeOnce(ctx, rows, false)
	}
	return err
}

// isKnown says whether a row is there already that was taken for new.
func isKnown(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505"
}

func (f *Facts) writeOnce(ctx context.Context, rows row.Rows, fresh bool) error {
	var report duplicates.Report
	err := f.Tables.Write(ctx, users(rows), func(tx pgx.Tx, s generation.Scope) (err error) {
		if err := f.Tables.CheckLog(ctx, s.Pointer); err != nil {
			return err
		}
		if err := f.Tables.CheckLayout(s.Pointer); err != nil {
			return err
		}
		rows := permitted(rows, s)
		report, err = write(ctx, tx, batch{
			versions: rows.Versions, connections: rows.Connections, routes: rows.Routes, unknown: rows.Unknown,
			late: rows.Late, shared: true, fresh: fresh, highWater: rows.HighWater,
		})
		return err
	})
	if err == nil && report.TooLarge > 0 {
		f.Metrics.tooLarge.Add(float64(report.TooLarge))
		f.Log.WarnContext(ctx, "workouts of one person that touch each other in time are too many to be linked: all are shown; somebody writes the same again and again",
			"islands", report.TooLarge, "more_than", duplicates.Most)
	}
	return err
}

func (f *Facts) count(facts int, rows row.Rows) {
	f.Metrics.batch.Observe(float64(facts))
	f.Metrics.facts.WithLabelValues(kindActivity).Add(float64(len(rows.Versions)))
	f.Metrics.facts.WithLabelValues(kindConnection).Add(float64(len(rows.Connections)))
	f.Metrics.facts.WithLabelValues(kindUnknown).Add(float64(len(rows.Unknown)))
	for _, v := range rows.Versions {
		if v.Problem != nil {
			f.Metrics.failures.Inc()
		}
	}
}

// users are all whom a batch speaks about.
func users(rows row.Rows) []string {
	list := owners(rows.Versions)
	for _, c := range rows.Connections {
		list = append(list, c.UserID.String())
	}
	for _, r := range rows.Routes {
		list = append(list, r.UserID.String())
	}
	for _, u := range rows.Unknown {
		list = append(list, u.UserID.String())
	}
	for _, r := range rows.Rejected {
		list = append(list, r.Delivery.Message.UserID())
	}
	return list
}

// owners are whose workouts the versions are of. One person's facts come one after
// the other; whoever comes again is there again.
func owners(versions []*row.Version) (list []string) {
	for i, v := range versions {
		if i == 0 || v.UserID != versions[i-1].UserID {
			list = append(list, v.UserID.String())
		}
	}
	return list
}

// permitted leaves out whoever was erased.
func permitted(rows row.Rows, s generation.Scope) row.Rows {
	return rows.Without(func(user uuid.UUID) bool { return s.Erased(user.String()) })
}
