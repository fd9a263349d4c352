package e2e

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"
)

// passHours lets every wait of the cell's user for the next full hour be over at
// once: no test can wait for that, and no clock of a running system can be moved.
// What waits for less stays. The caller calls stop.
func (c *cell) passHours(ctx context.Context) (stop func(), err error) {
	db, err := pgx.Connect(ctx, c.w.databaseURL)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var passing sync.WaitGroup
	passing.Go(func() {
		for pauseFor(ctx, lookEvery) == nil {
			if err := c.passHour(ctx, db); err != nil && ctx.Err() == nil {
				c.mu.Lock()
				c.err = err
				c.mu.Unlock()
				return
			}
		}
	})
	return func() {
		cancel()
		passing.Wait()
		_ = db.Close(context.WithoutCancel(ctx))
	}, nil
}

// passHour moves the instants that the services have stored. A wait of a few
// seconds is none for the hour.
func (c *cell) passHour(ctx context.Context, db *pgx.Conn) error {
	return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		moved := int64(0)
		for _, change := range []struct{ sql, who string }{
			{"UPDATE poller.budgets SET reset_at = now() WHERE provider = 'fitbit' AND account = $1 AND refused AND reset_at > now() + interval '5 s'", c.account},
			{"UPDATE poller.windows SET not_before = now() WHERE user_id = $1 AND not_before > now() + interval '5 s'", c.user.ID},
			{"UPDATE poller.targets SET not_before = now() WHERE user_id = $1 AND not_before > now() + interval '5 s'", c.user.ID},
			{"UPDATE oauth.connections SET refresh_not_before = now() WHERE user_id = $1 AND refresh_not_before > now() + interval '5 s'", c.user.ID},
		} {
			tag, err := tx.Exec(ctx, change.sql, change.who)
			if err != nil {
				return err
			}
			moved += tag.RowsAffected()
		}
		if moved == 0 {
			return nil
		}
		c.mu.Lock()
		c.waited = true
		c.mu.Unlock()
		_, err := tx.Exec(ctx, "SELECT poller.refresh_due($1, 'fitbit')", c.user.ID)
		return err
	})
}
