package fitbit

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rawjson"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/httpcall"
)

const (
	listPath = "/1/user/-/activities/list.json"
	pageSize = 100      // the most that Fitbit gives (section 4)
	maxPage  = 16 << 20 // bytes; 100 entries are about 200 kB
)

// windowMargin is how far past the window's start a page must reach before the
// list is taken as read. The list is sorted, but whether by instant or by local
// time is not documented, and the two differ by a day after a flight.
const windowMargin = 48 * time.Hour

// firstZone is the zone where a day begins first.
func firstZone() *time.Location { return time.FixedZone("+14:00", 14*60*60) }

// activities reads the activity log list. It sends no Accept-Language, so that
// distances come in kilometres and heights in metres.
type activities struct {
	base   string // without a slash at the end
	client *httpcall.Client
}

// List implements provider.Lister. The list has no end date on both
// sides, so it is read downwards from the window's end until the entries are
// older than its start. The cursor is Fitbit's own link to the next page.
func (f *activities) List(ctx context.Context, r provider.ListRequest) (provider.Page, error) {
	address := f.firstPage(r.Window)
	if r.Cursor != "" {
		if !f.ours(r.Cursor) {
			return provider.Page{}, &provider.Error{Provider: Name, Op: opList, Class: provider.ClassBadRequest, Reason: reasonBadCursor}
		}
		address = r.Cursor
	}
	body, quotas, err := f.get(ctx, address, r.Token)
	if err != nil {
		return provider.Page{}, err
	}
	list, err := parseList(body)
	if err != nil {
		e := invalid(opList, httpcall.ReasonIncomplete)
		e.Quotas = quotas
		return provider.Page{}, e
	}
	page := provider.Page{Records: make([]provider.Record, 0, len(list.Entries)), Quotas: quotas}
	for _, entry := range list.Entries {
		page.Records = append(page.Records, activityOf(entry))
	}
	page.Oldest = provider.Oldest(page.Records, provider.OrderStart)
	if list.Next == "" || provider.ReadPast(page.Records, provider.OrderStart, r.Window.From.Add(-windowMargin)) {
		return page, nil
	}
	if reason := f.refuseNext(address, list.Next); reason != "" {
		e := invalid(opList, reason)
		e.Quotas = quotas
		return provider.Page{}, e
	}
	page.Next, page.Positional, page.Resume = list.Next, true, f.resumeBelow(address, page.Records)
	return page, nil
}

// resumeBelow is resumeAt, where that leads below the date of the present page.
func (f *activities) resumeBelow(address string, page []provider.Record) time.Time {
	at := resumeAt(page)
	if at.IsZero() || beforeOf(f.firstPage(events.Window{To: at})) >= beforeOf(address) {
		return time.Time{}
	}
	return at
}

// beforeOf is the day that a page ends before; empty when its address has none.
func beforeOf(address string) string {
	link, err := url.Parse(address)
	if err != nil {
		return ""
	}
	day, _, _ := strings.Cut(link.Query().Get("beforeDate"), "T")
	return day
}

// resumeAt is where the list can be read on by date. The link to the next page
// counts entries, so that a deletion above makes the list move under it. By date
// and with the day's margin of firstPage, whatever comes after the last entries is
// still below, however the list is sorted. The latest of the last few counts: a
// single one out of order must not make the reading jump.
func resumeAt(page []provider.Record) time.Time {
	var at time.Time
	seen := 0
	for i := len(page) - 1; i >= 0 && seen < provider.Witnesses; i-- {
		if page[i].StartedAt == nil {
			return time.Time{}
		}
		if page[i].StartedAt.After(at) {
			at = *page[i].StartedAt
		}
		seen++
	}
	if seen < provider.Witnesses {
		return time.Time{}
	}
	return at.Add(time.Second).UTC()
}

// firstPage asks for everything before the day after the window's end, as that
// day is where it is latest: beforeDate is exclusive and means local days.
func (f *activities) firstPage(w events.Window) string {
	before := w.To.In(firstZone()).AddDate(0, 0, 1).Format(time.DateOnly)
	query := url.Values{
		"beforeDate": {before},
		"sort":       {"desc"},
		"limit":      {strconv.Itoa(pageSize)},
		"offset":     {"0"},
	}
	return f.base + listPath + "?" + query.Encode()
}

// ours says whether an address is below the configured base. A link to anywhere
// else would carry the access token there.
func (f *activities) ours(address string) bool {
	link, err := url.Parse(address)
	if err != nil {
		return false
	}
	base, err := url.Parse(f.base)
	if err != nil {
		return false
	}
	return link.User == nil && strings.EqualFold(link.Scheme, base.Scheme) && strings.EqualFold(link.Host, base.Host) &&
		strings.HasPrefix(link.Path, base.Path+"/") && !strings.Contains(link.Path, "..")
}

// refuseNext names what is wrong with a link to the next page; empty when
// nothing is. Reading on from a link that does not advance would never end.
func (f *activities) refuseNext(current, next string) string {
	if !f.ours(next) {
		return reasonForeignNext
	}
	before, hasBefore := offsetOf(current)
	after, hasAfter := offsetOf(next)
	if next == current || hasBefore && hasAfter && after <= before {
		return reasonCircularNext
	}
	return ""
}

func offsetOf(address string) (int64, bool) {
	link, err := url.Parse(address)
	if err != nil {
		return 0, false
	}
	return count(link.Query().Get("offset"))
}

// get fetches one page and tells the quotas even where the page is of no use.
func (f *activities) get(ctx context.Context, address string, token provider.Secret) ([]byte, []provider.Quota, error) {
	a, err := f.client.Get(ctx, httpcall.Request{Op: opList, Address: address, Token: token, Max: maxPage})
	quotas := quotasOf(a.Header, f.client.Now())
	var failed *provider.Error
	if errors.As(err, &failed) {
		failed.Quotas = quotas
	}
	return a.Body, quotas, err
}

// activityOf keeps an entry's bytes and reads what the poller needs of it.
// Whatever is wrong with the entry, it is kept.
func activityOf(entry json.RawMessage) provider.Record {
	a := provider.Record{
		Provider: Name,
		Kind:     kindActivity,
		Format:   FormatActivityList,
		Raw:      entry,
		Context:  events.ActivityContext{OffsetSource: events.OffsetUnknown},
	}
	members, err := rawjson.Read(entry)
	if err != nil {
		a.Problem = "the record is not a JSON object"
	}
	if at, ok := instantOf(members.Value("startTime")); ok {
		a.StartedAt = &at
		a.Context.OffsetSource = events.OffsetFromRecord
	} else if err == nil {
		a.Problem = "startTime is missing or is not a time with an offset"
	}
	if at, ok := instantOf(members.Value("lastModified")); ok {
		utc := at.UTC()
		a.ModifiedAt = &utc
	}
	id, ok := digitsOf(members.Value("logId"))
	if !ok {
		id = madeUpID(entry)
		if err == nil {
			a.Problem = "logId is missing or is not a whole number"
		}
	}
	a.ExternalID = id
	return a
}

// madeUpID names a record that has no usable id after its content, so that the
// same record gets the same id again.
func madeUpID(entry []byte) string { return provider.MadeUpID(entry, Volatile()) }
