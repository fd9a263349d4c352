package imports

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/telemetry"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Accept answers the request to import what was uploaded: from then on it is
// queued, whatever happens.
func (r *Runner) Accept(ctx context.Context, q rpc.ImportRequest) (rpc.ImportResponse, error) {
	for field, id := range map[string]string{"import_id": q.ImportID, "user_id": q.UserID} {
		if _, err := uuid.Parse(id); err != nil || len(id) != 36 {
			return rpc.ImportResponse{}, refuse(field, "The "+field+" is not a UUID.")
		}
	}
	if len(q.Uploads) == 0 {
		return rpc.ImportResponse{}, refuse("uploads", "Nothing was uploaded.")
	}
	if _, known := provider.ZoneNamed(q.TimeZone); q.TimeZone != "" && !known {
		return rpc.ImportResponse{}, refuse("timezone", "There is no time zone of that name.")
	}
	name, known := r.Provider(q.Kind)
	if !known {
		return rpc.ImportResponse{}, refuse("kind", "This installation cannot import that kind of export.")
	}
	at, err := r.Store.AddImport(ctx, store.Import{
		ID: strings.ToLower(q.ImportID), UserID: strings.ToLower(q.UserID), Provider: name, Kind: q.Kind, DryRun: q.DryRun, TimeZone: q.TimeZone,
		Uploads: q.Uploads, Trace: telemetry.TraceParent(ctx), RequestedAt: r.Now().UTC().Truncate(time.Microsecond),
	})
	if errors.Is(err, store.ErrErased) {
		return rpc.ImportResponse{}, &rpc.Error{Code: rpc.CodeNotFound, Detail: "There is no such user."}
	}
	return rpc.ImportResponse{Provider: name, RequestedAt: at.UTC()}, err
}

func refuse(field, detail string) error {
	return &rpc.Error{Code: rpc.CodeInvalidArgument, Field: field, Detail: detail}
}

// Provider is the provider whose records a kind of export holds: a kind is named
// after it, as in NAME-export.
func (r *Runner) Provider(kind string) (name string, known bool) {
	if _, known = r.Importers[kind]; !known {
		return "", false
	}
	name, _, _ = strings.Cut(kind, "-")
	return name, true
}
