package fold

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stridelog/stridelog/services/projector/internal/duplicates"
	"github.com/stridelog/stridelog/services/projector/internal/generation"
	"github.com/stridelog/stridelog/services/projector/internal/row"
)

//go:embed versions.sql
var insertVersions string

//go:embed workouts.sql
var foldWorkouts string

const insertConnections = `
INSERT INTO connection_history (sequence, connection_id, user_id, provider, event, status, reason, at)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
ON CONFLICT DO NOTHING`

// Write puts rows into the generation of the transaction's search path, folds the
// workouts that they are about and links duplicates. The caller holds the generation
// alone. Versions that are there already stay as they are.
func Write(ctx context.Context, tx pgx.Tx, rows row.Rows) error {
	return write(ctx, tx, batch{versions: rows.Versions, connections: rows.Connections, routes: rows.Routes})
}

// copyFrom is how many versions are worth a COPY: it is a fifth cheaper for each,
// and takes two round trips more.
const copyFrom = 200

// batch is what one transaction writes.
type batch struct {
	versions    []*row.Version
	connections []*row.Connection
	routes      []*row.Route
	// Shared is a generation that others write, too.
	shared bool
	// Fresh versions are taken for new and may go in by COPY; when one of them is
	// there already, the error is a unique violation.
	fresh     bool
	highWater uint64 // how far the log is folded then; 0 notes nothing
}

// write is Write; the generation may be shared. Only what depends on a workout's other
// versions waits for its turn: versions are as they are.
func write(ctx context.Context, tx pgx.Tx, x batch) error {
	var b pgx.Batch
	touching := &duplicates.Touching{}
	if x.fresh && len(x.versions) >= copyFrom {
		if err := copyVersions(ctx, tx, x.versions); err != nil {
			return err
		}
	} else if len(x.versions) > 0 {
		b.Queue(insertVersions, versionArrays(x.versions)...)
	}
	if len(x.versions) > 0 {
		if x.shared {
			generation.Folding.Queue(&b, owners(x.versions))
		}
		ids := workoutIDs(x.versions)
		b.Queue(fmt.Sprintf(foldWorkouts, "workout_id = ANY($1)"), ids)
		touching = duplicates.Look(&b, ids)
	}
	if len(x.connections) > 0 {
		b.Queue(insertConnections, connectionArrays(x.connections)...)
	}
	queueRoutes(&b, x.routes)
	if b.Len() > 0 {
		if err := tx.SendBatch(ctx, &b).Close(); err != nil {
			return fmt.Errorf("fold %d activity and %d connection facts: %w", len(x.versions), len(x.connections), err)
		}
	}
	if err := touching.Link(ctx, tx); err != nil {
		return err
	}
	if x.highWater == 0 {
		return nil
	}
	// Last, because every batch of every projector wants this row.
	_, err := tx.Exec(ctx, "UPDATE projector.serving SET high_water = $1 WHERE high_water < $1", int64(x.highWater))
	return err
}

func copyVersions(ctx context.Context, tx pgx.Tx, versions []*row.Version) error {
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"workout_versions"}, VersionColumns(),
		pgx.CopyFromSlice(len(versions), func(i int) ([]any, error) { return VersionValues(versions[i]), nil }))
	if err != nil {
		return fmt.Errorf("copy %d versions: %w", len(versions), err)
	}
	return nil
}

func workoutIDs(versions []*row.Version) []pgtype.UUID {
	ids := make([]pgtype.UUID, 0, len(versions))
	for _, v := range versions {
		ids = append(ids, id(v.WorkoutID))
	}
	return ids
}

// All folds every workout of a generation that was filled with versions only.
func All(ctx context.Context, tx pgx.Tx) (workouts int64, err error) {
	tag, err := tx.Exec(ctx, fmt.Sprintf(foldWorkouts, "true"))
	if err != nil {
		return 0, fmt.Errorf("fold all workouts: %w", err)
	}
	return tag.RowsAffected(), nil
}

func id(b [16]byte) pgtype.UUID { return pgtype.UUID{Bytes: b, Valid: true} }

// VersionColumns are those of VersionValues, in its order and that of versions.sql.
func VersionColumns() []string {
	return []string{
		"workout_id", "sequence", "origin_rank", "at", "start_time", "end_time", "user_id", "local_date", "removed",
		"normalizer_version", "provider", "external_id", "event", "event_id", "fact_id", "origin", "format",
		"type", "category", "doc", "details", "problem",
	}
}

// VersionValues are one row of workout_versions, for COPY.
func VersionValues(v *row.Version) []any {
	return []any{
		id(v.WorkoutID), int64(v.Sequence), v.OriginRank, v.At, v.StartTime, v.EndTime, id(v.UserID), v.LocalDate, v.Removed,
		v.NormalizerVersion, v.Provider, v.ExternalID, v.Event, v.EventID, v.FactID, v.Origin, v.Format,
		v.Type, v.Category, v.Doc, v.Details, v.Problem,
	}
}

// ConnectionColumns are those of ConnectionValues, in its order.
func ConnectionColumns() []string {
	return []string{"sequence", "connection_id", "user_id", "provider", "event", "status", "reason", "at"}
}

// ConnectionValues are one row of connection_history, for COPY.
func ConnectionValues(c *row.Connection) []any {
	return []any{int64(c.Sequence), c.ConnectionID, id(c.UserID), c.Provider, c.Event, c.Status, c.Reason, c.At}
}

func versionArrays(versions []*row.Version) []any {
	var (
		sequences                                             []int64
		ranks                                                 []int16
		at                                                    []time.Time
		starts, ends, days                                    []*time.Time
		users                                                 []pgtype.UUID
		removed                                               []bool
		normalizers                                           []int32
		providers, externals, kinds, eventIDs, facts, origins []string
		formats, types, categories, docs, allProblems         []*string
		details                                               [][]byte
	)
	for _, v := range versions {
		sequences = append(sequences, int64(v.Sequence))
		ranks = append(ranks, v.OriginRank)
		at = append(at, v.At)
		starts = append(starts, v.StartTime)
		ends = append(ends, v.EndTime)
		users = append(users, id(v.UserID))
		days = append(days, v.LocalDate)
		removed = append(removed, v.Removed)
		normalizers = append(normalizers, v.NormalizerVersion)
		providers = append(providers, v.Provider)
		externals = append(externals, v.ExternalID)
		kinds = append(kinds, v.Event)
		eventIDs = append(eventIDs, v.EventID)
		facts = append(facts, v.FactID)
		origins = append(origins, v.Origin)
		formats = append(formats, v.Format)
		types = append(types, v.Type)
		categories = append(categories, v.Category)
		docs = append(docs, v.Doc)
		details = append(details, v.Details)
		allProblems = append(allProblems, v.Problem)
	}
	return []any{
		workoutIDs(versions), sequences, ranks, at, starts, ends, users, days, removed, normalizers, providers, externals, kinds, eventIDs, facts,
		origins, formats, types, categories, docs, details, allProblems,
	}
}

func connectionArrays(connections []*row.Connection) []any {
	var (
		sequences                                []int64
		ids, providers, kinds, statuses, reasons []string
		users                                    []pgtype.UUID
		at                                       []time.Time
	)
	for _, c := range connections {
		sequences = append(sequences, int64(c.Sequence))
		ids = append(ids, c.ConnectionID)
		users = append(users, id(c.UserID))
		providers = append(providers, c.Provider)
		kinds = append(kinds, c.Event)
		statuses = append(statuses, c.Status)
		reasons = append(reasons, c.Reason)
		at = append(at, c.At)
	}
	return []any{sequences, ids, users, providers, kinds, statuses, reasons, at}
}
