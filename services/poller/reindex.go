package poller

import (
	"context"
	"time"

	"github.com/stridelog/stridelog/services/poller/internal/intake"
	"github.com/stridelog/stridelog/services/poller/internal/ledger"
	"github.com/stridelog/stridelog/services/poller/internal/store"
	"github.com/stridelog/stridelog/services/poller/internal/work"
)

// Reindexed says what Reindex did.
type Reindexed struct {
	Targets     int // users' accounts at providers
	Activities  int // that the index knows now
	Facts       int // of activities that were read
	Connections int // connection facts that were handled again
	Requests    int // requested syncs that have no end yet and are queued
	Elapsed     time.Duration
}

// Reindex makes what the poller knows of the log again from the log as it is now:
// the activity index of every target, what it has not seen of connections, and the
// requested syncs that nobody ended. It is the repair after a restore of the log, and a database that
// was restored under a newer one. A poller may run beside it: work that goes on
// loses its lease and begins again.
func (s *Service) Reindex(ctx context.Context) (Reindexed, error) {
	began := time.Now()
	if err := store.Migrate(ctx, s.config.DB); err != nil {
		return Reindexed{}, err
	}
	st := store.New(s.config.DB)
	handled, err := s.intake(st).Replay(ctx, s.config.Bus)
	if err != nil {
		return Reindexed{Connections: handled}, err
	}
	requests, err := s.intake(st).TakeUp(ctx, s.config.Bus)
	if err != nil {
		return Reindexed{Connections: handled}, err
	}
	done, err := s.ledger(st).Rebuild(ctx, s.config.Connectors)
	return Reindexed{
		Targets: done.Targets, Activities: done.Records, Facts: done.Facts, Connections: handled, Requests: requests, Elapsed: time.Since(began),
	}, err
}

// ledger is what all logs of persons are read with.
func (s *Service) ledger(st *store.Store) ledger.Config {
	c := s.config
	return ledger.Config{Store: st, Bus: c.Bus, Kinds: c.Kinds, Normalizers: c.Normalizers, Now: s.now, Attachments: work.NewRouteFold}
}

func (s *Service) schedule() store.Schedule {
	return store.Schedule{
		Tiers: s.tiers(), Deep: s.deep(), Initial: time.Duration(s.config.InitialDays) * 24 * time.Hour, Jitter: s.config.Jitter,
	}
}

func (s *Service) intake(st *store.Store) *intake.Intake {
	c := s.config
	return &intake.Intake{Log: c.Log, Store: st, Connectors: c.Connectors, Catalog: s.catalog(), Schedule: s.schedule(), InitialDays: c.InitialDays, Now: s.now}
}
