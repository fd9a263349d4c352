package generation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// viewsWait is how long one try waits for those who read the views. Whoever wants to
	// read meanwhile waits behind it.
	viewsWait = 500 * time.Millisecond
	// viewsTries of them are two minutes: longer than an analyst's query may take. Then
	// the switch waits for as long as it needs.
	viewsTries = 120

	lockNotAvailable = "55P03"
)

// moveViews points the published views to a generation's tables. A view that somebody
// reads cannot be replaced, and a replacement that waits for a long query would keep
// everybody else from reading, the API too. So it lets go and tries again.
func moveViews(ctx context.Context, tx pgx.Tx, schema string) error {
	for try := 1; ; try++ {
		err := pgx.BeginFunc(ctx, tx, func(inner pgx.Tx) error {
			wait := viewsWait
			if try > viewsTries {
				wait = 0 // no limit
			}
			_, err := inner.Conn().PgConn().Exec(ctx, fmt.Sprintf("SET LOCAL lock_timeout = %d; ", wait.Milliseconds())+
				fmt.Sprintf(viewsSQL, schema)+"; SET LOCAL lock_timeout = DEFAULT").ReadAll()
			return err
		})
		var pg *pgconn.PgError
		if try > viewsTries || !errors.As(err, &pg) || pg.Code != lockNotAvailable {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(viewsWait):
		}
	}
}
