package imports

import (
	"context"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
)

// pageBytes bounds the records of a page in memory; bus.MaxPage their number.
const pageBytes = 4 << 20

type record struct {
	provider.ImportedActivity
	said events.ActivityContext // by the export itself
}

func recordOf(a provider.ImportedActivity) record {
	return record{ImportedActivity: a, said: a.Context}
}

// asRecord is the record as a normalizer reads it.
func (x *record) asRecord() provider.Record {
	return provider.Record{ExternalID: x.ExternalID, Format: x.Format, Raw: x.Raw, Context: x.Context}
}

// size is the bytes of the record and of what goes along with it.
func (x record) size() int { return len(x.Raw) + len(x.Context.Companion) }

// page is what is compared and published at once.
type page struct {
	records []record
	ids     map[string]bool // external ids of the records
	bytes   int
}

// takes says whether a record fits in. An id comes once in a page: what replaces it
// must name its sequence.
func (p *page) takes(x record) bool {
	return len(p.records) < bus.MaxPage && p.bytes+x.size() <= pageBytes && !p.ids[x.ExternalID]
}

func (p *page) add(x record) {
	if p.ids == nil {
		p.ids = map[string]bool{}
	}
	p.records, p.bytes, p.ids[x.ExternalID] = append(p.records, x), p.bytes+x.size(), true
}

// inPages hands over the records of an export, page after page. While one page is at
// work the next is read, so that the disk of the log is not waited for; no further
// one. It returns once the export is left alone.
func inPages(ctx context.Context, export provider.Export, work func(page) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	pages := make(chan page)
	var unread error // why the export is not read to its end; known once pages is closed
	go func() {
		defer close(pages)
		unread = readPages(ctx, export, pages)
	}()
	var failed error
	for p := range pages {
		if failed != nil {
			continue // until the reader has noticed
		}
		if failed = work(p); failed != nil {
			stop()
		}
	}
	if failed != nil {
		return failed
	}
	return unread
}

func readPages(ctx context.Context, export provider.Export, pages chan<- page) error {
	var p page
	send := func() error {
		select {
		case pages <- p:
			p = page{}
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	err := export.Activities(ctx, func(a provider.ImportedActivity) error {
		x := recordOf(a)
		if len(p.records) > 0 && !p.takes(x) {
			if err := send(); err != nil {
				return err
			}
		}
		p.add(x)
		return nil
	})
	if err != nil || len(p.records) == 0 {
		return err
	}
	return send()
}
