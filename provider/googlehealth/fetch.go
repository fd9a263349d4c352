package googlehealth

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rawjson"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/httpcall"
)

const (
	exercisesPath = "users/me/dataTypes/exercise/dataPoints"
	pageSize      = 25 // the most that Google gives for exercises (section 3)
)

// pastMargin is how far past a window's start a page must reach before a list
// without a filter is taken as read.
const pastMargin = 48 * time.Hour

// exercises reads exercises by list, which keeps device and source; reconcile loses
// both (section 4).
type exercises struct {
	api   *api
	zones *zones
}

// place is where a reading stands. The other parameters of a list must stay the same
// while a page token is followed (section 3), so a cursor also tells them.
type place struct {
	token string // empty: the first page
	plain bool   // without a filter
}

const (
	cursorFiltered = "f:"
	cursorPlain    = "p:"
)

func (p place) cursor() string {
	switch {
	case p.token == "":
		return ""
	case p.plain:
		return cursorPlain + p.token
	default:
		return cursorFiltered + p.token
	}
}

// placeOf is the inverse of cursor.
func placeOf(cursor string) (place, error) {
	if cursor == "" {
		return place{}, nil
	}
	for prefix, plain := range map[string]bool{cursorFiltered: false, cursorPlain: true} {
		if token, ok := strings.CutPrefix(cursor, prefix); ok && token != "" {
			return place{token, plain}, nil
		}
	}
	return place{}, &provider.Error{Provider: Name, Op: opList, Class: provider.ClassBadRequest, Reason: reasonBadCursor}
}

// List implements provider.Lister. A filter that Google refuses, as it
// did with others for months (section 3), is given up for this reading: the whole
// list is then read from its newest exercise down to the window's start. Page tokens
// are Google's own business and not taken for positions: a refused one is a bad
// request, and the caller begins the window again.
func (f *exercises) List(ctx context.Context, r provider.ListRequest) (provider.Page, error) {
	at, err := placeOf(r.Cursor)
	if err != nil {
		return provider.Page{}, err
	}
	body, err := f.page(ctx, r, at)
	var refused *provider.Error
	if errors.As(err, &refused) && aboutFilter(refused.Reason) && at == (place{}) {
		at.plain = true
		body, err = f.page(ctx, r, at)
	}
	if err != nil {
		return provider.Page{}, err
	}
	list, err := parseList(body)
	if err != nil {
		return provider.Page{}, invalid(opList, httpcall.ReasonIncomplete)
	}
	if list.next != "" && list.next == at.token {
		return provider.Page{}, invalid(opList, reasonCircular)
	}
	records, err := f.records(ctx, r.Token, list.points)
	if err != nil {
		return provider.Page{}, err
	}
	page := provider.Page{
		Records: records, Next: place{list.next, at.plain}.cursor(), Oldest: provider.Oldest(records, provider.OrderStart),
	}
	if at.plain && provider.ReadPast(records, provider.OrderStart, r.Window.From.Add(-pastMargin)) {
		page.Next = ""
	}
	return page, nil
}

// page asks for one page.
func (f *exercises) page(ctx context.Context, r provider.ListRequest, at place) ([]byte, error) {
	query := url.Values{"pageSize": {strconv.Itoa(pageSize)}}
	if !at.plain {
		query.Set("filter", exerciseFilter(r.Window))
	}
	if at.token != "" {
		query.Set("pageToken", at.token)
	}
	return f.api.get(ctx, call{op: opList, path: exercisesPath, query: query, token: r.Token, max: maxPage})
}

// Get implements provider.Getter. An id that this package made up names
// nothing at Google, so its absence there proves nothing: it is not asked for.
func (f *exercises) Get(ctx context.Context, token provider.Secret, externalID string) (provider.Record, []provider.Quota, error) {
	if !idForm.MatchString(externalID) || provider.IsMadeUpID(externalID) {
		return provider.Record{}, nil, &provider.Error{Provider: Name, Op: opGet, Class: provider.ClassBadRequest, Reason: reasonBadID}
	}
	body, err := f.api.get(ctx, call{op: opGet, path: exercisesPath + "/" + externalID, token: token, max: httpcall.MaxAnswer})
	if err != nil {
		return provider.Record{}, nil, err
	}
	if body = bare(body); !json.Valid(body) {
		return provider.Record{}, nil, invalid(opGet, httpcall.ReasonIncomplete)
	}
	records, err := f.records(ctx, token, []json.RawMessage{body})
	if err != nil {
		return provider.Record{}, nil, err
	}
	return records[0], nil, nil
}

// records are the points of an answer, newest first: Google's own order has small
// inversions (section 3). Those without a readable start come last.
func (f *exercises) records(ctx context.Context, token provider.Secret, points []json.RawMessage) ([]provider.Record, error) {
	read := make([]point, 0, len(points))
	for _, raw := range points {
		read = append(read, readPoint(raw))
	}
	if err := f.zones.complete(ctx, token, read); err != nil {
		return nil, err
	}
	records := make([]provider.Record, 0, len(points))
	for _, p := range read {
		records = append(records, p.Record)
	}
	slices.SortStableFunc(records, func(a, b provider.Record) int {
		switch {
		case a.StartedAt == nil && b.StartedAt == nil:
			return 0
		case a.StartedAt == nil:
			return 1
		case b.StartedAt == nil:
			return -1
		default:
			return b.StartedAt.Compare(*a.StartedAt)
		}
	})
	return records, nil
}

// point is a record with what its record says about account and offset.
type point struct {
	provider.Record
	account string
	start   time.Time // zero when it cannot be read
	noZone  bool      // the record names no offset
}

// readPoint keeps a point's bytes and reads what the poller needs of it. Whatever is
// wrong with the point, it is kept.
func readPoint(raw json.RawMessage) point {
	p := point{Record: provider.Record{
		Provider: Name, Kind: kindActivity, Format: FormatDataPoint, Raw: raw,
		Context: events.ActivityContext{OffsetSource: events.OffsetUnknown},
	}}
	members, err := rawjson.Read(raw)
	if err != nil {
		p.Problem = "the record is not a JSON object"
	}
	exercise, _ := rawjson.Read(members.Value("exercise")) // nothing where it is no object
	interval, _ := rawjson.Read(exercise.Value("interval"))
	if at, ok := instantOf(interval.Value("startTime")); ok {
		p.start, p.noZone = at, true
		if offset, ok := offsetOf(interval.Value("startUtcOffset")); ok {
			at = at.In(time.FixedZone("", int(offset.Seconds())))
			p.noZone, p.Context.OffsetSource = false, events.OffsetFromRecord
		}
		p.StartedAt = &at
	} else if err == nil {
		p.Problem = "exercise.interval.startTime is missing or is not a time"
	}
	if at, ok := instantOf(exercise.Value("updateTime")); ok {
		p.ModifiedAt = &at
	}
	name, ok := parseName(members.Value("name"))
	if !ok {
		name.id = madeUpID(raw)
		if err == nil {
			p.Problem = "name is missing or does not end in an id"
		}
	}
	p.ExternalID, p.account = name.id, name.account
	return p
}

// object is a nested object's members; none for anything else.
func object(value json.RawMessage) map[string]json.RawMessage {
	members, err := rawjson.Read(value)
	if err != nil {
		return nil
	}
	return members.ByName()
}

// madeUpID names a record that has no usable id after its content, so that the same
// record gets the same id again.
func madeUpID(raw []byte) string { return provider.MadeUpID(raw, Volatile()) }
