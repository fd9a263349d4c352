package poller

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stridelog/stridelog/provider"
)

// cloud is a provider with a list of records, newest first, in pages.
type cloud struct {
	mu       sync.Mutex
	records  []record
	pageSize int
	calls    []provider.ListRequest
	answer   func(call int, r provider.ListRequest) error // a failure to answer with; nil is none
	quota    func() []provider.Quota
	enter    func() // called outside the lock when a request comes
	resume   bool   // pages say where to read on by time
	counted  bool   // pages are named by position
	asked    []string
	hidden   map[string]bool // left out of lists, but there
	repeat   bool            // every page begins with the last record of the page before
}

type record struct {
	id      string
	version string
	start   time.Time
	problem string
	bulk    int // bytes that it is larger by
}

func (r record) raw(call int) []byte {
	id, _ := json.Marshal(r.id) // a string always has a form
	return fmt.Appendf(nil, `{"id":%s, "version":%q,"start":%q,"link":"https://cloud.test/%d","bulk":%q}`,
		id, r.version, r.start.Format(time.RFC3339), call, strings.Repeat("x", r.bulk))
}

// fill gives the cloud n records, one every step back from the end.
func (c *cloud) fill(n int, end time.Time, step time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range n {
		c.records = append(c.records, record{id: "r" + strconv.Itoa(i), version: "A", start: end.Add(-time.Duration(i+1) * step)})
	}
}

// edit changes a record's version.
func (c *cloud) edit(id, version string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.records {
		if c.records[i].id == id {
			c.records[i].version = version
		}
	}
}

func (c *cloud) change(change func(c *cloud)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

func (c *cloud) requests() []provider.ListRequest {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

// List implements provider.Lister. The cursor is the offset of the page.
func (c *cloud) List(ctx context.Context, r provider.ListRequest) (provider.Page, error) {
	c.mu.Lock()
	enter := c.enter
	c.mu.Unlock()
	if enter != nil {
		enter()
	}
	if ctx.Err() != nil {
		return provider.Page{}, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, r)
	if c.answer != nil {
		if err := c.answer(len(c.calls), r); err != nil {
			return provider.Page{}, err
		}
	}
	var inside []record
	for _, one := range c.records {
		if r.Window.Contains(one.start) && !c.hidden[one.id] {
			inside = append(inside, one)
		}
	}
	slices.SortFunc(inside, func(a, b record) int { return b.start.Compare(a.start) })
	offset := 0
	if r.Cursor != "" {
		offset, _ = strconv.Atoi(r.Cursor)
	}
	from, end := min(offset, len(inside)), min(offset+c.pageSize, len(inside))
	if c.repeat && from > 0 {
		from--
	}
	var page provider.Page
	for _, one := range inside[from:end] {
		page.Records = append(page.Records, provider.Record{
			ExternalID: one.id, Format: "cloud.v1", Raw: one.raw(len(c.calls)), StartedAt: &one.start, Problem: one.problem,
		})
		page.Oldest = one.start
	}
	if end < len(inside) {
		page.Next, page.Positional = strconv.Itoa(end), c.counted
		if c.resume {
			page.Resume = page.Oldest.Add(time.Microsecond)
		}
	}
	if c.quota != nil {
		page.Quotas = c.quota()
	}
	return page, nil
}
