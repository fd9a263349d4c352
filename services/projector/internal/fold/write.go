package fold

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
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

// endLinks notes of workouts that were linked and are removed that they are linked no
// more. Their removal is announced; what is said of them when they come back must count.
const endLinks = `
UPDATE projector.workout_links s SET link_version = greatest(s.link_version, w.version)
FROM workouts w WHERE s.workout_id = ANY($1) AND w.id = s.workout_id AND w.removed_at IS NOT NULL AND w.version > s.link_version`

const insertConnections = `
INSERT INTO connection_history (sequence, connection_id, user_id, provider, event, status, reason, at)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
ON CONFLICT DO NOTHING`

// Write puts rows into the generation of the transaction's search path, folds the
// workouts that they are about and links duplicates. The caller holds the generation
// alone. Versions that are there already stay as they are.
func Write(ctx context.Context, tx pgx.Tx, rows row.Rows) error {
	_, err := write(ctx, tx, batch{versions: rows.Versions, connections: rows.Connections, routes: rows.Routes, unknown: rows.Unknown})
	return err
}

// copyFrom is how many versions are worth a COPY: it is a fifth cheaper for each,
// and takes two round trips more.
const copyFrom = 200

// batch is what one transaction writes.
type batch struct {
	versions    []*row.Version
	connections []*row.Connection
	routes      []*row.Route
	unknown     []*row.Unknown
	// Late versions take the place of those with a problem.
	late bool
	// Shared is a generation that others write, too.
	shared bool
	// Fresh versions are taken for new and may go in by COPY; when one of them is
	// there already, the error is a unique violation.
	fresh     bool
	highWater uint64 // how far the log is folded then; 0 notes nothing
}

// workouts are those that a batch is about, and whose they are.
func (x *batch) workouts() (ids []pgtype.UUID, users []string) {
	seen := make(map[[16]byte]struct{}, len(x.versions))
	add := func(workout, user [16]byte) {
		if _, again := seen[workout]; again {
			return
		}
		seen[workout] = struct{}{}
		ids, users = append(ids, id(workout)), append(users, uuid.UUID(user).String())
	}
	for _, v := range x.versions {
		add(v.WorkoutID, v.UserID)
	}
	for _, r := range x.routes {
		add(r.WorkoutID, r.UserID)
	}
	slices.Sort(users)
	return ids, slices.Compact(users)
}

// removes says whether a workout may be removed by the batch.
func (x *batch) removes() bool {
	return slices.ContainsFunc(x.versions, func(v *row.Version) bool { return v.Removed })
}

// write is Write; the generation may be shared. Only what depends on all that is known
// of a workout waits for its turn: versions and routes are as they are.
func write(ctx context.Context, tx pgx.Tx, x batch) (duplicates.Report, error) {
	none := duplicates.Report{}
	var b pgx.Batch
	if x.late && len(x.versions) > 0 {
		queueForgetProblems(&b, x.versions)
	}
	if x.fresh && len(x.versions) >= copyFrom {
		if err := copyVersions(ctx, tx, x.versions); err != nil {
			return none, err
		}
	} else if len(x.versions) > 0 {
		b.Queue(insertVersions, versionArrays(x.versions)...)
	}
	queueRoutes(&b, x.routes)
	queueUnknown(&b, x.unknown)
	touching := &duplicates.Touching{}
	if ids, users := x.workouts(); len(ids) > 0 {
		if x.shared {
			generation.Folding.Queue(&b, users)
		}
		touching = duplicates.Begin(&b, ids, users, x.shared)
		b.Queue(fmt.Sprintf(foldWorkouts, "workout_id = ANY($1)"), ids)
		if x.shared && x.removes() {
			b.Queue(endLinks, ids)
		}
		touching.Look(&b)
	}
	if len(x.connections) > 0 {
		b.Queue(insertConnections, connectionArrays(x.connections)...)
	}
	if b.Len() > 0 {
		if err := tx.SendBatch(ctx, &b).Close(); err != nil {
			return none, fmt.Errorf("fold %d activity and %d connection facts: %w", len(x.versions), len(x.connections), err)
		}
	}
	report, err := touching.Link(ctx, tx)
	if err != nil || x.highWater == 0 {
		return report, err
	}
	// Last, because every batch of every projector wants this row.
	_, err = tx.Exec(ctx, "UPDATE projector.serving SET high_water = $1 WHERE high_water < $1", int64(x.highWater))
	return report, err
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
		"source_rank", "plausible", "measured", "measures", "members",
	}
}

// VersionValues are one row of workout_versions, for COPY.
func VersionValues(v *row.Version) []any {
	values := []any{
		id(v.WorkoutID), int64(v.Sequence), v.OriginRank, v.At, v.StartTime, v.EndTime, id(v.UserID), v.LocalDate, v.Removed,
		v.NormalizerVersion, v.Provider, v.ExternalID, v.Event, v.EventID, v.FactID, v.Origin, v.Format,
		v.Type, v.Category, v.Doc, v.Details, v.Problem,
		nil, nil, nil, nil, nil,
	}
	if g := v.Grade; g != nil {
		copy(values[len(values)-5:], []any{g.SourceRank, g.Plausible, g.Measured, g.Measures, g.Members})
	}
	return values
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
		grades                                                gradeArrays
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
		grades.add(v.Grade)
	}
	return []any{
		workoutIDs(versions), sequences, ranks, at, starts, ends, users, days, removed, normalizers, providers, externals, kinds, eventIDs, facts,
		origins, formats, types, categories, docs, details, allProblems,
		grades.sources, grades.plausible, grades.measured, grades.measures, grades.members,
	}
}

// gradeArrays are grades as arrays; one that is none is null.
type gradeArrays struct {
	sources, measures, members []*int16
	plausible, measured        []*bool
}

func (a *gradeArrays) add(g *row.Grade) {
	if g == nil {
		a.sources, a.measures, a.members = append(a.sources, nil), append(a.measures, nil), append(a.members, nil)
		a.plausible, a.measured = append(a.plausible, nil), append(a.measured, nil)
		return
	}
	a.sources, a.measures, a.members = append(a.sources, &g.SourceRank), append(a.measures, &g.Measures), append(a.members, &g.Members)
	a.plausible, a.measured = append(a.plausible, &g.Plausible), append(a.measured, &g.Measured)
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
