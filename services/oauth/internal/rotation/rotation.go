// Package rotation changes the sealing key of an installation, step by step: a new key
// that opens, then the new key that seals, every row sealed anew, the old key dropped.
// Between two steps every process takes the keyset of the step before.
package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/services/oauth/internal/seal"
)

// ErrOrder says that another step comes first, or is not needed any more.
var ErrOrder = errors.New("this step of the rotation is not due")

// Rotation is one keyset on its way to another. DB may be asked as whoever owns the
// schema oauth.
type Rotation struct {
	DB *pgxpool.Pool
	// AfterBatch runs after some rows have been sealed anew. It is where tests let a
	// process die; nil does nothing.
	AfterBatch func() error

	keys   seal.Keyset
	sealer *seal.Sealer
}

// New reads the keyset that the processes have now. The error never shows any of it.
func New(db *pgxpool.Pool, sealingKey string) (*Rotation, error) {
	keys, err := seal.ParseKeyset(sealingKey)
	if err != nil {
		return nil, err
	}
	sealer, err := seal.New(sealingKey)
	if err != nil {
		return nil, err
	}
	return &Rotation{DB: db, keys: keys, sealer: sealer}, nil
}

// Keys is how many keys the keyset has.
func (r *Rotation) Keys() int { return len(r.keys.Keys()) }

// SealsWithNewest says whether the key that was added last is the one that seals.
func (r *Rotation) SealsWithNewest() bool { return r.keys.Primary() == r.keys.Newest() }

// Add is the keyset with a new key, which opens and does not seal yet.
func (r *Rotation) Add(ctx context.Context) (string, error) {
	if n := r.Keys(); n > 1 {
		return "", fmt.Errorf("%w: the sealing key has %d keys already, so a rotation has begun: go on with the step use, reseal or drop", ErrOrder, n)
	}
	if err := r.checkOurs(ctx); err != nil {
		return "", err
	}
	next, err := r.keys.Add()
	if err != nil {
		return "", err
	}
	return next.Text()
}

// UseNewest is the keyset in which the newest key seals. Every process that runs must
// be able to open what it seals.
func (r *Rotation) UseNewest(ctx context.Context) (string, error) {
	if r.Keys() < 2 {
		return "", fmt.Errorf("%w: the sealing key has one key: begin with the step add", ErrOrder)
	}
	if err := r.checkOurs(ctx); err != nil {
		return "", err
	}
	all, err := Running(ctx, r.DB)
	if err != nil {
		return "", err
	}
	if n := all.without(func(p Process) bool { return slices.Contains(p.Opens, r.keys.Newest()) }); n > 0 {
		return "", fmt.Errorf("%w: %d of %d running oauth processes do not know the new key: give all of them the file of the step add and start them again", ErrOrder, n, len(all))
	}
	next, err := r.keys.UseNewest()
	if err != nil {
		return "", err
	}
	return next.Text()
}

// Drop is the keyset with the newest key alone, once no row needs another one.
func (r *Rotation) Drop(ctx context.Context) (string, error) {
	if err := r.checkUse(ctx); err != nil {
		return "", err
	}
	left, err := r.left(ctx)
	if err != nil {
		return "", err
	}
	if left > 0 {
		return "", fmt.Errorf("%w: %d rows are sealed with an older key: the step reseal comes first", ErrOrder, left)
	}
	next, err := r.keys.DropOthers()
	if err != nil {
		return "", err
	}
	return next.Text()
}

// checkUse refuses until the newest key seals, here and in every running process.
func (r *Rotation) checkUse(ctx context.Context) error {
	switch {
	case r.Keys() < 2:
		return fmt.Errorf("%w: the sealing key has one key: begin with the step add, or the rotation is over", ErrOrder)
	case !r.SealsWithNewest():
		return fmt.Errorf("%w: the older key still seals: the step use comes first", ErrOrder)
	}
	all, err := Running(ctx, r.DB)
	if err != nil {
		return err
	}
	if n := all.without(func(p Process) bool { return p.Seals == r.keys.Primary() }); n > 0 {
		return fmt.Errorf("%w: %d of %d running oauth processes still seal with an older key: give all of them the file of the step use and start them again", ErrOrder, n, len(all))
	}
	return nil
}

// Gave says whether a text is what a step gives for this keyset: add and use leave the
// keys and add one or none, drop leaves the newest.
func (r *Rotation) Gave(step, text string) bool {
	given, err := seal.ParseKeyset(text)
	if err != nil {
		return false
	}
	now, then := r.keys.Keys(), given.Keys()
	switch step {
	case "add":
		return len(then) == len(now)+1 && slices.Equal(then[:len(now)], now) && given.Primary() == r.keys.Primary()
	case "use":
		return slices.Equal(then, now) && given.Primary() == r.keys.Newest()
	case "drop":
		return slices.Equal(then, []seal.KeyID{r.keys.Newest()})
	default:
		return false
	}
}
