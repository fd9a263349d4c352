package rest

import (
	"context"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/gateway/internal/api"
)

// ListDeadLetters implements the generated interface.
func (s *server) ListDeadLetters(ctx context.Context, r api.ListDeadLettersRequestObject) (api.ListDeadLettersResponseObject, error) {
	list, page, total, err := s.deadLetters.List(ctx, or(r.Params.Cursor, ""), or(r.Params.Limit, defaultRows))
	if err != nil {
		return nil, err
	}
	data := make([]api.DeadLetter, len(list))
	for i, d := range list {
		data[i] = shownDeadLetter(d)
	}
	return api.ListDeadLetters200JSONResponse{Data: data, Pagination: api.Pagination{
		NextCursor: page.Next, PreviousCursor: page.Previous, HasMore: page.HasMore, TotalCount: total,
	}}, nil
}

func shownDeadLetter(d bus.DeadLetter) api.DeadLetter {
	return api.DeadLetter{
		Sequence: int64(d.Sequence), Service: d.Service, Provider: orNull(d.Provider), UserID: orNull(d.UserID),
		Type: orNull(d.Type), EventID: orNull(d.EventID), Stream: d.Stream, OriginalSequence: int64(d.OriginalSequence),
		Reason: d.Reason, At: d.At,
	}
}

// orNull shows a text that is not there as null.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
