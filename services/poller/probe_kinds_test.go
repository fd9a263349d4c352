package poller

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

// The kinds that the tests register, one of each shape; the provider gives all but
// files. Nothing outside these tests knows them.
const (
	probeItem  = "probe_item"
	probeDay   = "probe_day"
	probeChunk = "probe_chunk"
	probeFile  = "probe_file"
)

// The two resources of a day.
const (
	probeSteps = "probe_steps"
	probePulse = "probe_pulse"
)

// The scopes that the sources need.
const (
	scopeItems  = "items"
	scopeDays   = "days"
	scopeSeries = "series"
)

func probeKinds() events.KindTable {
	return events.Kinds().With(
		events.Kind{Name: probeItem, Shape: events.ShapeItem},
		events.Kind{Name: probeDay, Shape: events.ShapeDay},
		events.Kind{Name: probeChunk, Shape: events.ShapeChunk},
		events.Kind{Name: probeFile, Shape: events.ShapeAttachment},
	)
}

// probeConnector reads the cloud of the tests over HTTP.
func probeConnector(base string) *provider.Connector {
	api := probeAPI{base: base, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	day := func(resource string) provider.Source {
		return provider.Source{
			Name: resource, Kind: probeDay, Scopes: []string{scopeDays}, Order: provider.OrderDate,
			List: probeDays{api, resource}, ProvesAbsence: true, HashVersion: 1,
		}
	}
	return &provider.Connector{
		Descriptor: provider.Descriptor{Name: cloudName},
		Sources: []provider.Source{
			{
				Name: probeItem, Kind: probeItem, Scopes: []string{scopeItems}, Order: provider.OrderEnd,
				List: probeItems{api}, Get: probeItems{api}, ProvesAbsence: true, HashVersion: 1, Volatile: []string{"link"},
			},
			day(probeSteps), day(probePulse),
			{
				Name: probeChunk, Kind: probeChunk, Scopes: []string{scopeSeries}, Order: provider.OrderStart,
				List: probeSeries{api}, HashVersion: 1,
			},
		},
	}
}

// probeAPI calls the cloud.
type probeAPI struct {
	base   string
	client *http.Client
}

// get asks for a path and gives the bytes of the answer.
func (a probeAPI) get(ctx context.Context, token provider.Secret, op, path string, query url.Values) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token.Reveal())
	failed := &provider.Error{Provider: cloudName, Op: op, Class: provider.ClassUnavailable}
	resp, err := a.client.Do(r)
	if err != nil {
		return nil, failed
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, failed
	}
	failed.Status = resp.StatusCode
	switch resp.StatusCode {
	case http.StatusOK:
		return body, nil
	case http.StatusNotFound:
		failed.Class = provider.ClassNotFound
	case http.StatusForbidden:
		failed.Class = provider.ClassInsufficientScope
	}
	return nil, failed
}

// list reads one page: the members of an array as they are, and the next cursor.
func (a probeAPI) list(ctx context.Context, r provider.ListRequest, op, path string) (list []json.RawMessage, next string, err error) {
	body, err := a.get(ctx, r.Token, op, path, url.Values{
		"from": {r.Window.From.UTC().Format(time.RFC3339)}, "to": {r.Window.To.UTC().Format(time.RFC3339)}, "page": {r.Cursor},
	})
	if err != nil {
		return nil, "", err
	}
	var page struct {
		Records []json.RawMessage `json:"records"`
		Next    string            `json:"next"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, "", &provider.Error{Provider: cloudName, Op: op, Class: provider.ClassInvalidResponse, Status: http.StatusOK}
	}
	return page.Records, page.Next, nil
}

// page makes a page of what was listed.
func page(list []json.RawMessage, next string, order provider.Order, record func(raw json.RawMessage) (provider.Record, error)) (provider.Page, error) {
	p := provider.Page{Next: next}
	for _, raw := range list {
		r, err := record(raw)
		if err != nil {
			return p, &provider.Error{Provider: cloudName, Op: "read a list", Class: provider.ClassInvalidResponse}
		}
		r.Raw = raw
		p.Records = append(p.Records, r)
	}
	p.Oldest = provider.Oldest(p.Records, order)
	return p, nil
}

// probeItems are things with an id, listed by when they end.
type probeItems struct{ probeAPI }

func itemRecord(raw json.RawMessage) (provider.Record, error) {
	var said struct {
		ID         string    `json:"id"`
		Start, End time.Time `json:",omitzero"`
	}
	err := json.Unmarshal(raw, &said)
	return provider.Record{
		Provider: cloudName, Kind: probeItem, ExternalID: said.ID, Format: "probe.item.v1", Raw: raw, StartedAt: &said.Start, EndedAt: &said.End,
		Aliases: []string{"phone-" + said.ID},
	}, err
}

func (p probeItems) List(ctx context.Context, r provider.ListRequest) (provider.Page, error) {
	list, next, err := p.list(ctx, r, "list items", "/items")
	if err != nil {
		return provider.Page{}, err
	}
	return page(list, next, provider.OrderEnd, itemRecord)
}

func (p probeItems) Get(ctx context.Context, token provider.Secret, id string) (provider.Record, []provider.Quota, error) {
	raw, err := p.get(ctx, token, "get item", "/items/"+url.PathEscape(id), nil)
	if err != nil {
		return provider.Record{}, nil, err
	}
	r, err := itemRecord(raw)
	return r, nil, err
}

// probeDays are what one resource says of civil dates.
type probeDays struct {
	probeAPI
	resource string
}

func (p probeDays) List(ctx context.Context, r provider.ListRequest) (provider.Page, error) {
	list, next, err := p.list(ctx, r, "list "+p.resource, "/days/"+p.resource)
	if err != nil {
		return provider.Page{}, err
	}
	return page(list, next, provider.OrderDate, func(raw json.RawMessage) (provider.Record, error) {
		var said struct{ Date string }
		err := json.Unmarshal(raw, &said)
		return provider.Record{
			Provider: cloudName, Kind: probeDay, ExternalID: events.DayID(p.resource, said.Date, "watch"), Format: "probe." + p.resource + ".v1",
			LocalDate: said.Date, Slot: "watch",
		}, err
	})
}

// probeSeries are the samples of hours; the answer says whether an hour is complete.
type probeSeries struct{ probeAPI }

func (p probeSeries) List(ctx context.Context, r provider.ListRequest) (provider.Page, error) {
	list, next, err := p.list(ctx, r, "list series", "/series")
	if err != nil {
		return provider.Page{}, err
	}
	return page(list, next, provider.OrderStart, func(raw json.RawMessage) (provider.Record, error) {
		var said struct {
			Hour     time.Time
			Complete bool
		}
		err := json.Unmarshal(raw, &said)
		end := said.Hour.Add(time.Hour)
		c := provider.Record{
			Provider: cloudName, Kind: probeChunk, ExternalID: events.ChunkID(probePulse, "1min", "watch", said.Hour.UTC().Format("2006-01-02T15"), nil),
			Format: "probe.series.v1", StartedAt: &said.Hour, EndedAt: &end, Step: "1min", Slot: "watch", Complete: said.Complete,
		}
		if !said.Complete {
			c.Delivery = events.DeliveryPart
		}
		return c, err
	})
}
