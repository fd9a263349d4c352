package workouts

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stridelog/stridelog/services/gateway/internal/contract"
	"github.com/stridelog/stridelog/services/gateway/internal/cursor"
)

//go:embed several.sql
var severalTypes string

// Query selects a page of one user's workouts.
type Query struct {
	UserID     uuid.UUID
	Start, End string         // as the client wrote them; empty is open
	Zone       *time.Location // of the person; where workouts without an offset are
	Types      []string       // sorted, each once; none is every type
	Providers  []string       // likewise
	Duplicates bool           // show the hidden ones too
	Zones      bool           // show hr_zones and power_zones
	Ascending  bool           // the oldest first
	Cursor     string
	Limit      int
}

func (q Query) filter() cursor.Filter {
	parts := []string{"workouts", q.UserID.String(), q.Start, q.End, strings.Join(q.Types, ","), strings.Join(q.Providers, ","), strconv.FormatBool(q.Duplicates)}
	if q.Ascending { // other cursors stay as they were before there was an order
		parts = append(parts, "asc")
	}
	return cursor.NewFilter(parts...)
}

func (q Query) keyset() cursor.Keyset {
	return cursor.Keyset{Time: "start_time", ID: "id", Ascending: q.Ascending}
}

func (q Query) dated() bool { return q.Start != "" || q.End != "" }

// mostCounted is how many rows are counted at most where dates select them: the rows
// themselves must be read then.
const mostCounted = 10_000

// total is what a count of so many rows says.
func (q Query) total(rows int64) cursor.Total {
	if q.dated() && rows > mostCounted {
		return cursor.Of(cursor.TooMany)
	}
	return cursor.Of(rows)
}

// conditions are those of a query, without its cursor: they are the same on all pages.
// The first argument is the user.
type conditions struct {
	args  []any
	where string // of the workouts
	kept  string // of the kept counts of these workouts
	zone  *time.Location
	dated bool
	// gated says that no index is by what is asked for: to find that there are no rows,
	// the whole history would be read. The kept counts say it at once.
	gated bool
	// several says that several types are asked for.
	several bool
}

const (
	primaries = ` AND duplicate_of IS NULL`
	notHidden = ` AND NOT hidden`
)

func (q Query) conditions() (*conditions, error) {
	from, to, err := contract.ParseSpan(q.Start, q.End)
	if err != nil {
		return nil, err
	}
	c := &conditions{
		args:  []any{q.UserID},
		where: ` WHERE user_id = $1 AND removed_at IS NULL`,
		kept:  ` FROM projector.view_record_counts_v1 WHERE user_id = $1 AND kind = 'activity'`,
		zone:  q.Zone, dated: q.dated(), gated: len(q.Providers) > 0, several: len(q.Types) > 1,
	}
	c.kept += c.among("type", q.Types) + c.among("provider", q.Providers)
	c.from(from)
	c.to(to)
	return c, nil
}

// add narrows the workouts by a condition with a place for its value. It returns what it
// added.
func (c *conditions) add(condition string, value any) string {
	c.args = append(c.args, value)
	added := fmt.Sprintf(" AND "+condition, len(c.args))
	c.where += added
	return added
}

// among narrows the workouts to those whose column has one of the values, where there
// are values. It returns what it added.
func (c *conditions) among(column string, values []string) string {
	switch len(values) {
	case 0:
		return ""
	case 1:
		return c.add(column+" = $%d", values[0])
	default:
		return c.add(column+" = ANY ($%d)", values)
	}
}

// dayReach is how far from midnight UTC a local day begins at most, with room to spare:
// offsets of records are taken up to 18 hours.
const dayReach = 24 * time.Hour

// A workout is filed under the day on which it began where it happened, and compared
// with a time without an offset by what the clock showed there. Where its offset is not
// known, the person's zone says when that day begins, or when the clock showed that time.
// What is filled in: 1 the number of the argument with the day or time, 2 that of the
// instant which it is in the person's zone, 3 how to compare.
const (
	byDay = "(local_date %[3]s $%[1]d OR local_date IS NULL AND start_time %[3]s $%[2]d)"
	// Documents are read only near the time itself: a day away from it no offset matters.
	byClock = "CASE WHEN doc::json->>'zone_offset' IS NULL THEN start_time %[3]s $%[2]d" +
		" ELSE start_time AT TIME ZONE 'UTC' + (doc::json->>'zone_offset')::interval %[3]s $%[1]d::timestamp END"
	farAfter  = "start_time >= ($%[1]d::timestamp + interval '1 day') AT TIME ZONE 'UTC'"
	farBefore = "start_time < ($%[1]d::timestamp - interval '1 day') AT TIME ZONE 'UTC'"
)

// from and to compare local days and times exactly, and beside it the instants that the days
// imply: the index is by start.

func (c *conditions) from(w *contract.When) {
	switch {
	case w == nil:
		return
	case w.Day:
		c.addLocal(byDay, ">=", w.Time)
	case w.Civil:
		c.addLocal("("+farAfter+" OR "+byClock+")", ">=", w.Time)
	default:
		c.add("start_time >= $%d", w.Time)
		return
	}
	c.add("start_time >= $%d", w.Time.Add(-dayReach))
}

func (c *conditions) to(w *contract.When) {
	switch {
	case w == nil:
		return
	case w.Day:
		c.addLocal(byDay, "<", w.Time)
	case w.Civil:
		c.addLocal("("+farBefore+" OR "+byClock+")", "<", w.Time)
	default:
		c.add("start_time < $%d", w.Time)
		return
	}
	c.add("start_time < $%d", w.Time.Add(dayReach))
}

// addLocal narrows the workouts by a local day or time.
func (c *conditions) addLocal(condition, compare string, local time.Time) {
	year, month, day := local.Date()
	instant := time.Date(year, month, day, local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), c.zone)
	c.args = append(c.args, local, instant)
	c.where += " AND " + fmt.Sprintf(condition, len(c.args)-1, len(c.args), compare)
}

// queueCount counts the rows of all pages. What is hidden as a duplicate never counts.
// Kept counts know no dates; with dates the rows are counted, up to one too many.
func (c *conditions) queueCount(b *pgx.Batch) {
	if !c.dated {
		b.Queue(`SELECT coalesce(sum(count), 0)::bigint`+c.kept+notHidden, c.args...)
		return
	}
	b.Queue(fmt.Sprintf(`SELECT count(*) FROM (SELECT FROM projector.view_workouts_v1%s LIMIT %d) counted`, c.rows(false), mostCounted+1), c.args...)
}

// queuePage reads the rows beyond a place, and one more.
func (c *conditions) queuePage(b *pgx.Batch, q Query, at *cursor.Place) {
	tail, args := q.keyset().Tail(c.args, at, q.Limit+1)
	if !c.several {
		b.Queue(`SELECT id, start_time, doc, created_at, updated_at, duplicate_of, type FROM projector.view_workouts_v1`+c.rows(q.Duplicates)+tail, args...)
		return
	}
	kept, page := c.kept, q.keyset()
	if !q.Duplicates {
		kept += notHidden
	}
	page.Time, page.ID = "page.start_time", "page.id"
	b.Queue(fmt.Sprintf(severalTypes, kept, c.rows(q.Duplicates), tail, q.keyset().Order(at), len(args), page.Order(at)), args...)
}

// rows are the conditions of the rows, with the hidden ones or without.
func (c *conditions) rows(hidden bool) string {
	where, kept := c.where, c.kept
	if !hidden {
		where, kept = where+primaries, kept+notHidden
	}
	if c.gated {
		where += ` AND EXISTS (SELECT` + kept + `)`
	}
	return where
}
