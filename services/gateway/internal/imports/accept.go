// Package imports takes export archives in and shows how their imports stand.
package imports

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
	"github.com/stridelog/stridelog/services/gateway/internal/users"
)

// maxFiles is how many files one import may have. An export in parts of 1 GB has
// a few dozen.
const maxFiles = 200

// Store takes and reads imports.
type Store struct {
	db    *pgxpool.Pool
	bus   *bus.Bus
	log   *slog.Logger
	kinds []string
}

// NewStore uses the pool and asks the poller over the bus. The kinds are named to a client that
// gives none.
func NewStore(db *pgxpool.Pool, b *bus.Bus, log *slog.Logger, kinds []string) *Store {
	return &Store{db: db, bus: b, log: log, kinds: kinds}
}

// Request is an import to be queued.
type Request struct {
	UserID uuid.UUID
	Kind   string
	DryRun bool
	// TimeZone is the IANA name of the zone that the person lived in; empty when the
	// client states none.
	TimeZone string
}

// Files gives the files of an upload one after the other; io.EOF ends them. The
// request may be completed meanwhile, by the fields of a form.
type Files func(r *Request) (name string, content io.Reader, err error)

// Accept stores the files, a piece of one in memory at a time, and queues the
// import. On any error nothing of them stays, and nothing was queued.
func (s *Store) Accept(ctx context.Context, r Request, next Files) (i Import, err error) {
	i.ID, err = uuid.Parse(events.NewID())
	if err != nil {
		return i, err
	}
	var uploads []rpc.Upload
	defer func() {
		if err != nil {
			s.forget(context.WithoutCancel(ctx), uploads)
		}
	}()
	for {
		name, content, err := next(&r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return i, ofReading(err)
		}
		if r.Kind == "" {
			return i, problem.InvalidField("kind", "is required, in the query or as a field of the form before its files: "+strings.Join(s.kinds, " or "))
		}
		if _, known := provider.ZoneNamed(r.TimeZone); r.TimeZone != "" && !known {
			return i, problem.InvalidField("timezone", users.NoZone)
		}
		if len(uploads) == maxFiles {
			return i, problem.InvalidField("file", fmt.Sprintf("is given more than %d times: send fewer files at a time", maxFiles))
		}
		in := bufio.NewReaderSize(content, 64)
		if isEmptyObject(in) {
			return i, problem.InvalidField("file", "is no file: it is an empty JSON object; send the archive as it was downloaded")
		}
		// The name stays in the bucket's files: it says nothing of the person.
		u, err := s.bus.Upload(ctx, fmt.Sprintf("%s/%d", i.ID, len(uploads)), in)
		if err != nil {
			return i, ofReading(err)
		}
		u.File = name
		uploads = append(uploads, u)
		if u.Bytes == 0 {
			return i, problem.InvalidField("file", "is empty: send the archive as it was downloaded")
		}
	}
	if len(uploads) == 0 {
		return i, problem.InvalidField("file", "is missing: send the archive as the body, or as the file of a form")
	}
	return s.queue(ctx, i, r, uploads)
}

// isEmptyObject says whether a body is {}, as clients send it that have no file.
// It leaves all of the body to be read.
func isEmptyObject(in *bufio.Reader) bool {
	start, err := in.Peek(in.Size())
	inside, closed := bytes.CutSuffix(bytes.TrimSpace(start), []byte("}"))
	return errors.Is(err, io.EOF) && closed && string(bytes.TrimSpace(inside)) == "{"
}

// queue hands the import to the poller. The user's row stays locked meanwhile, so
// that no import slips past an erasure. An import with which no zone is stated has the
// person's; a person without one gets that of the import.
func (s *Store) queue(ctx context.Context, i Import, r Request, uploads []rpc.Upload) (Import, error) {
	i.UserID, i.Kind, i.DryRun, i.TimeZone, i.Status = r.UserID, r.Kind, r.DryRun, r.TimeZone, "queued"
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		var zone string
		switch err := tx.QueryRow(ctx, `SELECT coalesce(time_zone, '') FROM gateway.users WHERE id = $1 FOR KEY SHARE`, r.UserID).Scan(&zone); {
		case errors.Is(err, pgx.ErrNoRows):
			return users.NotFound()
		case err != nil:
			return fmt.Errorf("lock the user: %w", err)
		case i.TimeZone == "":
			i.TimeZone = zone
		case zone == "" && !r.DryRun:
			if err := users.StateZone(ctx, tx, r.UserID, i.TimeZone); err != nil {
				return err
			}
		}
		answer, err := bus.Call[rpc.ImportRequest, rpc.ImportResponse](ctx, s.bus, rpc.PollerImport, rpc.ImportRequest{
			ImportID: i.ID.String(), UserID: r.UserID.String(), Kind: r.Kind, DryRun: r.DryRun, TimeZone: i.TimeZone, Uploads: uploads,
		})
		i.Provider, i.RequestedAt = answer.Provider, answer.RequestedAt
		return err
	})
	return i, err
}

// ofReading tells a client's fault from ours. What the client sent is the only
// thing that can break off.
func ofReading(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return problem.New(http.StatusRequestEntityTooLarge, problem.CodeTooLarge,
			fmt.Sprintf("The upload has more than %d bytes. Send less at a time, or let the operator raise IMPORT_MAX_BYTES or run `stridelog import` beside the system.", large.Limit)).Because(err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return problem.InvalidField("body", "ended early").Because(err)
	}
	var said *problem.Problem
	if errors.As(err, &said) {
		return err
	}
	return problem.Unavailable("The upload could not be stored: try again; if it stays so, check the connection to NATS and the space on its disk.", err)
}

// forget deletes uploads that nobody will take; what cannot be deleted goes by its age.
func (s *Store) forget(ctx context.Context, uploads []rpc.Upload) {
	for _, u := range uploads {
		if err := s.bus.DeleteUpload(ctx, u); err != nil {
			s.log.WarnContext(ctx, "an upload stays until its time is over", "retention", events.UploadRetention, "error", err)
		}
	}
}
