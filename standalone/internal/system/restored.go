package system

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/lifecycle"
	"github.com/stridelog/stridelog/services/gateway"
	"github.com/stridelog/stridelog/services/oauth"
	"github.com/stridelog/stridelog/services/poller"
	"github.com/stridelog/stridelog/services/projector"
)

// restoringSchema stands in a database from before the first row is restored until the
// restore has ended.
const restoringSchema = "stridelog_restoring"

// ErrRestoring says that a restore into the stores has not ended.
var ErrRestoring = errors.New("a restore into this database has not ended: wait for it; if it was stopped, empty the database and NATS and restore again")

// BeginRestore notes that the stores are not whole: nothing runs on them until EndRestore.
func BeginRestore(ctx context.Context, db *pgxpool.Pool) error {
	if _, err := db.Exec(ctx, "CREATE SCHEMA "+restoringSchema); err != nil {
		return fmt.Errorf("note that a restore has begun: %w", err)
	}
	return nil
}

// EndRestore lets services run on the stores.
func EndRestore(ctx context.Context, db *pgxpool.Pool) error {
	if _, err := db.Exec(ctx, "DROP SCHEMA "+restoringSchema); err != nil {
		return fmt.Errorf("note that the restore has ended: %w", err)
	}
	return nil
}

// CheckWhole fails with ErrRestoring while a restore into the database has not ended.
func CheckWhole(ctx context.Context, db *pgxpool.Pool) error {
	var restoring bool
	err := db.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", restoringSchema).Scan(&restoring)
	switch {
	case err != nil:
		return fmt.Errorf("look whether a restore has ended: %w", err)
	case restoring:
		return ErrRestoring
	}
	return nil
}

// FilledFrom is the epoch of the log that the database's tables were made from; empty:
// none yet.
func FilledFrom(ctx context.Context, db *pgxpool.Pool) (epoch string, err error) {
	var relation string
	err = db.QueryRow(ctx, keepers).Scan(&relation)
	if err == nil {
		err = db.QueryRow(ctx, "SELECT epoch FROM "+pgx.Identifier{"projector", relation}.Sanitize()).Scan(&epoch)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look which log the database was filled from: %w", err)
	}
	return epoch, nil
}

// SchemaVersions are those that this program migrates the services' schemas to.
func SchemaVersions() map[string]int {
	return map[string]int{
		"gateway": gateway.SchemaVersion(), "oauth": oauth.SchemaVersion(), "poller": poller.SchemaVersion(), "projector": projector.SchemaVersion(),
	}
}

// EraseRestored erases whom a restore brought back, before anything is served, with no
// word to a provider: of every service only what deletes runs. It says how many erasures
// were carried to their end.
func (s *System) EraseRestored(ctx context.Context, list string) (erased int, err error) {
	var answering []lifecycle.Component
	for _, name := range []string{"oauth", "poller", "projector"} {
		c, err := s.open(ctx, "restore", name, nil)
		if err != nil {
			return 0, err
		}
		defer c.close()
		run, err := s.erasing(name, c)
		if err != nil {
			return 0, err
		}
		answering = append(answering, lifecycle.Component{Name: name, Run: run})
	}
	c, err := s.open(ctx, "restore", "gateway", nil)
	if err != nil {
		return 0, err
	}
	defer c.close()
	asked := ctx
	ctx, finished := context.WithCancel(ctx)
	defer finished()
	err = lifecycle.Run(ctx, s.Log, append(answering, lifecycle.Component{Name: "erasures", Run: func(ctx context.Context, ready func()) (err error) {
		ready()
		if erased, err = (gateway.Restored{DB: c.db, Bus: c.bus, Log: c.log, ErasuresFile: list}).Erase(ctx); err != nil {
			return err
		}
		finished()
		<-ctx.Done()
		return nil
	}})...)
	return erased, errors.Join(err, asked.Err())
}

// erasing is the part of a service that deletes. Its configuration knows no provider, so
// nobody is told: the erasure itself has done that.
func (s *System) erasing(name string, c clients) (func(context.Context, func()) error, error) {
	switch name {
	case "oauth":
		key := s.Config.SealingKey
		if key == "" { // rows are deleted unopened
			made, err := oauth.NewSealingKey()
			if err != nil {
				return nil, err
			}
			key = made
		}
		service, err := oauth.New(oauth.Config{Log: c.log, DB: c.db, Bus: c.bus, SealingKey: key})
		if err != nil {
			return nil, err
		}
		return service.AnswerErasures, nil
	case "poller":
		service, err := s.pollerOfAll(c)
		if err != nil {
			return nil, err
		}
		return service.AnswerErasures, nil
	default:
		service, err := s.projector(c)
		if err != nil {
			return nil, err
		}
		return service.AnswerErasures, nil
	}
}
