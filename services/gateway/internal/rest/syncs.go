package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/services/gateway/internal/api"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
	"github.com/stridelog/stridelog/services/gateway/internal/syncs"
)

const defaultHistoricalDays = 90

// RequestSync implements the generated interface.
func (s *server) RequestSync(ctx context.Context, r api.RequestSyncRequestObject) (api.RequestSyncResponseObject, error) {
	start, end, err := spanAsked(r.Params)
	if err != nil {
		return nil, err
	}
	window, err := syncs.Window(start, end, time.Now())
	if err != nil {
		return nil, err
	}
	kinds, err := s.kindsAsked(or(r.Params.Kinds, nil))
	if err != nil {
		return nil, err
	}
	ticket, err := s.ask(ctx, r.Provider, r.UserID, events.TriggerManual, window, kinds)
	if err != nil {
		return nil, err
	}
	return api.RequestSync202JSONResponse{Body: ticket}, nil
}

// spanAsked is the span of a sync, by our names of its ends or by those that Open
// Wearables has had for them.
func spanAsked(p api.RequestSyncParams) (start, end string, err error) {
	since := or(p.Since, "")
	if since == "0" { // the default there: no start is asked for
		since = ""
	}
	start, err = oneOf("start_date", or(p.StartDate, ""), "since", since, "summary_start_time", or(p.SummaryStartTime, ""))
	if err == nil {
		end, err = oneOf("end_date", or(p.EndDate, ""), "summary_end_time", or(p.SummaryEndTime, ""))
	}
	return start, end, err
}

// oneOf is the value of a parameter that has several names: name, value, name, value, …
// What is said twice must be the same.
func oneOf(named ...string) (value string, err error) {
	for i := 0; i < len(named); i += 2 {
		switch given := named[i+1]; {
		case given == "" || given == value:
		case value != "":
			return "", problem.InvalidField(named[i], "is another name of "+named[0]+" and says something else: send one of them")
		default:
			value = given
		}
	}
	return value, nil
}

// kindsAsked are the kinds of data that a sync is to read, sorted; none asks for every
// item and day that the person granted. What is attached to other records is read with
// them and has no window of its own.
func (s *server) kindsAsked(given []string) ([]string, error) {
	return resolve("kinds", given, func(word string) ([]string, string) {
		kind, known := s.o.Kinds.Find(word)
		if known && kind.Shape != events.ShapeAttachment {
			return []string{kind.Name}, ""
		}
		var names []string
		for _, k := range s.o.Kinds.All() {
			if k.Shape != events.ShapeAttachment {
				names = append(names, k.Name)
			}
		}
		says := "is no kind of data of this installation"
		if known {
			says = "comes with the records that it belongs to"
		}
		return nil, says + ": ask for " + strings.Join(names, ", ")
	})
}

// RequestHistoricalSync implements the generated interface.
func (s *server) RequestHistoricalSync(ctx context.Context, r api.RequestHistoricalSyncRequestObject) (api.RequestHistoricalSyncResponseObject, error) {
	window := syncs.LastDays(or(r.Params.Days, defaultHistoricalDays), time.Now())
	kinds, err := s.kindsAsked(or(r.Params.Kinds, nil))
	if err != nil {
		return nil, err
	}
	ticket, err := s.ask(ctx, r.Provider, r.UserID, events.TriggerBackfill, window, kinds)
	if err != nil {
		return nil, err
	}
	return api.RequestHistoricalSync202JSONResponse(ticket), nil
}

func (s *server) ask(ctx context.Context, provider string, userID uuid.UUID, trigger string, w events.Window, kinds []string) (api.SyncTicket, error) {
	if err := s.known(provider); err != nil {
		return api.SyncTicket{}, err
	}
	if err := s.users.MustExist(ctx, userID); err != nil {
		return api.SyncTicket{}, err
	}
	connection, err := s.connections.Usable(ctx, userID, provider)
	if err != nil {
		return api.SyncTicket{}, err
	}
	id, err := s.syncs.Ask(ctx, syncs.Request{UserID: userID, Provider: provider, ConnectionID: connection.ID, Since: connection.Since, Trigger: trigger, Window: w, Kinds: kinds})
	if err != nil {
		return api.SyncTicket{}, err
	}
	return api.SyncTicket{SyncID: id, Status: api.SyncStatus(events.SyncQueued), Window: api.Window(w)}, nil
}

// ListSyncs implements the generated interface.
func (s *server) ListSyncs(ctx context.Context, r api.ListSyncsRequestObject) (api.ListSyncsResponseObject, error) {
	if err := s.users.MustExist(ctx, r.UserID); err != nil {
		return nil, err
	}
	list, page, total, err := s.syncs.List(ctx, r.UserID, or(r.Params.Cursor, ""), or(r.Params.Limit, defaultRows))
	if err != nil {
		return nil, err
	}
	data := make([]api.Sync, len(list))
	for i, sync := range list {
		if data[i], err = shownSync(sync); err != nil {
			return nil, err
		}
	}
	return api.ListSyncs200JSONResponse{Data: data, Pagination: api.Pagination{
		NextCursor: page.Next, PreviousCursor: page.Previous, HasMore: page.HasMore, TotalCount: total,
	}}, nil
}

// GetSync implements the generated interface.
func (s *server) GetSync(ctx context.Context, r api.GetSyncRequestObject) (api.GetSyncResponseObject, error) {
	if err := s.users.MustExist(ctx, r.UserID); err != nil {
		return nil, err
	}
	sync, err := s.syncs.Get(ctx, r.UserID, r.SyncID)
	if err != nil {
		return nil, err
	}
	shown, err := shownSync(sync)
	return api.GetSync200JSONResponse(shown), err
}

func shownSync(s syncs.Sync) (api.Sync, error) {
	out := api.Sync{
		ID: s.ID, UserID: s.UserID, Provider: s.Provider, ConnectionID: s.ConnectionID, Trigger: s.Trigger,
		Window: shownWindow(s.Window), Status: api.SyncStatus(s.Status), NotBefore: utc(s.NotBefore),
		Counts: s.Counts, Error: s.Error, RequestedAt: s.RequestedAt.UTC(), FinishedAt: utc(s.FinishedAt),
	}
	kinds, err := json.Marshal(s.Kinds)
	if err != nil {
		return api.Sync{}, fmt.Errorf("show the kinds of sync %s: %w", s.ID, err)
	}
	out.Kinds = kinds
	if s.Covered != nil {
		covered := shownWindow(*s.Covered)
		out.Covered = &covered
	}
	return out, nil
}

func shownWindow(w events.Window) api.Window { return api.Window{From: w.From.UTC(), To: w.To.UTC()} }
