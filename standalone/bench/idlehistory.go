package main

import (
	"context"
	"crypto/md5" //nolint:gosec // as the tables are filled, in SQL
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/provider"
)

const (
	idleDays    = 90
	idleRecords = 13 // of each connection, a week apart
)

// idleHistory is what the log has of the connections that become due.
type idleHistory struct {
	base  time.Time // from which the activities go back
	epoch string
	rows  [][]any           // of the index
	last  map[string]uint64 // sequence of a user's last fact
}

// newIdleHistory puts it into the log, week by week: each person's facts lie far apart.
func newIdleHistory(ctx context.Context, natsURL string, log *slog.Logger) (*idleHistory, error) {
	b, err := openBus(ctx, natsURL, "bench-idle-history", log)
	if err != nil {
		return nil, err
	}
	defer b.Conn().Close()
	h := &idleHistory{base: time.Now().UTC().Truncate(time.Second), last: map[string]uint64{}}
	for week := idleRecords - 1; week >= 0; week-- {
		list := make([]events.Event, idleScanned)
		for n := range list {
			if list[n], err = h.fact(n+1, week); err != nil {
				return nil, err
			}
		}
		if err := b.PublishAll(ctx, list); err != nil {
			return nil, err
		}
	}
	if h.epoch, err = b.Epoch(ctx, events.StreamFacts); err != nil {
		return nil, err
	}
	_, err = b.Read(ctx, events.StreamFacts, []string{events.TypeSubjects(events.TypeActivityFetched)}, 1, func(d bus.Delivery) error {
		f, ok := d.Event.Data.(*events.ActivityFetched)
		if !ok {
			return fmt.Errorf("the log holds %s", d.Event.Type())
		}
		h.last[f.UserID] = d.Sequence
		h.rows = append(h.rows, []any{f.UserID, f.Provider, f.ExternalID, int64(d.Sequence), f.ContentHash, 1, "api", false, nil, f.ProviderAccountID, *f.StartedAt, 0}) //nolint:gosec // a sequence fits
		return nil
	})
	return h, err
}

// md5UUID is what Postgres makes of md5(text)::uuid.
func md5UUID(text string) string { return uuid.UUID(md5.Sum([]byte(text))).String() } //nolint:gosec // no secret

// idleRecord is an activity of the n-th connection, so many weeks before an instant.
func idleRecord(base time.Time, n, week int) provider.Record {
	at := base.Add(-time.Duration(week)*7*24*time.Hour - 20*time.Hour)
	id := fmt.Sprintf("%d-%d", n, week)
	raw, _ := json.Marshal(map[string]any{"id": id, "start": at, "sport": "running", "note": strings.Repeat("a day like any other ", 30)})
	return provider.Record{Provider: quietProvider, Kind: "activity", ExternalID: id, Format: "quiet", Raw: raw, StartedAt: &at}
}

func (h *idleHistory) fact(n, week int) (events.Event, error) {
	r := idleRecord(h.base, n, week)
	hash, err := provider.ContentHash(r.Raw, nil)
	if err != nil {
		return events.Event{}, err
	}
	user := md5UUID(fmt.Sprintf("u%d", n))
	return events.Event{
		ID:     events.ActivityFactID(events.TypeActivityFetched, user, quietProvider, r.ExternalID, 0, hash),
		Source: "stridelog/bench", About: r.ExternalID, Time: h.base, Provider: quietProvider, UserID: user,
		Data: &events.ActivityFetched{
			UserID: user, Provider: quietProvider, ConnectionID: md5UUID(fmt.Sprintf("c%d", n)), ProviderAccountID: fmt.Sprintf("account %d", n),
			ExternalID: r.ExternalID, Format: r.Format, ContentHash: hash, HashVersion: 1, Origin: events.OriginAPI, FetchedAt: h.base, StartedAt: r.StartedAt, Raw: r.Raw,
		},
	}, nil
}

// index brings the poller's index to the log as it was before it was measured: what a
// measurement found stays in the log, behind it.
func (h *idleHistory) index(ctx context.Context, db *pgxpool.Pool) error {
	_, err := db.CopyFrom(ctx, pgx.Identifier{"poller", "activity_index"}, []string{
		"user_id", "provider", "external_id", "sequence", "content_hash", "hash_version", "origin", "removed", "sync_id", "account", "started_at", "utc_offset_seconds",
	}, pgx.CopyFromRows(h.rows))
	if err != nil {
		return err
	}
	users, sequences := make([]string, 0, len(h.last)), make([]int64, 0, len(h.last))
	for user, sequence := range h.last {
		users, sequences = append(users, user), append(sequences, int64(sequence)) //nolint:gosec // a sequence fits
	}
	_, err = db.Exec(ctx, `UPDATE poller.targets t SET index_sequence = x.seq, stream_epoch = $3
		FROM unnest($1::uuid[], $2::bigint[]) AS x (u, seq) WHERE t.user_id = x.u`, users, sequences, h.epoch)
	return err
}
