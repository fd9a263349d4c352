package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/services/oauth"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/store"
)

const (
	rotateWord  = "rotate-sealing-key"
	rotateUsage = "stridelog keys rotate-sealing-key add|use|drop --out FILE | reseal | (without a step, for embedded stores) all of it"
	rotateHelp  = `usage: ` + rotateUsage + `

Replaces the key that tokens are sealed with, while everything runs. STRIDELOG_SEALING_KEY
(or _FILE) is what the oauth processes have now; DATABASE_URL and NATS_URL their stores.

  add     a new key beside the old one: it opens and does not seal yet
  use     the new key seals, the old one opens
  reseal  every row is sealed with the new key
  drop    the new key alone

After add, use and drop give FILE to every oauth process and start them again; it is
STRIDELOG_SEALING_KEY_FILE of the next step, too. Each step can be repeated, and a step
that is not due is refused. For embedded stores with a key of their own: stop the
system and leave the step out; all four are done at once.

`
)

// runRotate changes the sealing key.
func runRotate(ctx context.Context, p Process, c config.Config, args []string) error {
	var out string
	flags := newFlags(p, "keys "+rotateWord)
	flags.Usage = func() { fmt.Fprint(p.Stderr, rotateHelp); flags.PrintDefaults() }
	flags.StringVar(&out, "out", "", "where the key of this step is written: a file that does not exist (add, use, drop)")
	step, err := parseWord(flags, args)
	switch {
	case err != nil:
		return err
	case step == "" && out == "":
		return rotateEmbedded(ctx, p, c)
	case step == "reseal" && out == "", (step == "add" || step == "use" || step == "drop") && out != "":
	default:
		return fmt.Errorf("%w: %s", errUsage, rotateUsage)
	}
	if c.SealingKey == "" {
		return fmt.Errorf("%w: set STRIDELOG_SEALING_KEY or STRIDELOG_SEALING_KEY_FILE to the key that the oauth processes have now", errUsage)
	}
	stores, err := store.Find(c)
	if err != nil {
		return err
	}
	announceStores(p, "keys "+rotateWord, stores)
	return withRotation(ctx, p, c, stores, c.SealingKey, func(r *oauth.KeyRotation) error {
		if step == "reseal" {
			return reseal(ctx, p, r)
		}
		return rotateInto(ctx, p, r, step, out)
	})
}

// withRotation runs fn on the database as whoever owns the tokens.
func withRotation(ctx context.Context, p Process, c config.Config, stores *store.Stores, key string, fn func(*oauth.KeyRotation) error) error {
	log, err := newLogger(p, c)
	if err != nil {
		return err
	}
	db, err := openTokens(ctx, stores, log)
	if err != nil {
		return err
	}
	defer db.Close()
	r, err := oauth.NewKeyRotation(db, key)
	if err != nil {
		return err
	}
	return fn(r)
}

func openTokens(ctx context.Context, stores *store.Stores, log *slog.Logger) (*pgxpool.Pool, error) {
	return postgres.Open(ctx, stores.DatabaseURL, postgres.Options{ApplicationName: "stridelog-keys", MaxConns: 2, OwnerOf: "oauth", Log: log})
}

// rotateInto writes what a step gives.
func rotateInto(ctx context.Context, p Process, r *oauth.KeyRotation, step, out string) error {
	there, err := os.ReadFile(out)
	switch {
	case err == nil && r.Gave(step, string(there)):
		fmt.Fprintf(p.Stdout, "%s has the key of the step %s already.\n", out, step)
		fmt.Fprint(p.Stdout, nextStep(step, out))
		return nil
	case err == nil:
		return fmt.Errorf("%s exists and is not the key of the step %s: name another file; a key is never overwritten", out, step)
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("look at %s: %w", out, err)
	}
	do := map[string]func(context.Context) (string, error){"add": r.Add, "use": r.UseNewest, "drop": r.Drop}[step]
	key, err := do(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", step, err)
	}
	if err := store.WriteKey(out, key); err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	fmt.Fprint(p.Stdout, map[string]string{
		"add":  out + " has two keys: the old one seals, the new one opens.\n",
		"use":  out + " has two keys: the new one seals, the old one opens.\n",
		"drop": out + " has the new key alone. No row needs the old one.\n",
	}[step], nextStep(step, out))
	return nil
}

// nextStep says what to do with what a step gave.
func nextStep(step, out string) string {
	give := "Next: give it to every oauth process (STRIDELOG_SEALING_KEY_FILE, or its text as STRIDELOG_SEALING_KEY) and start them again; keep the file that they have now."
	switch step {
	case "add":
		return give + "\nThen: STRIDELOG_SEALING_KEY_FILE=" + out + " stridelog keys rotate-sealing-key use --out ANOTHER_FILE\n"
	case "use":
		return give + "\nThen: STRIDELOG_SEALING_KEY_FILE=" + out + " stridelog keys rotate-sealing-key reseal\n"
	case "reseal":
		return "Next: with the same key: stridelog keys rotate-sealing-key drop --out ANOTHER_FILE\n"
	default:
		return give + "\nBackups made before now need the key that their processes had: keep it as long as them, and delete both together.\n"
	}
}

func reseal(ctx context.Context, p Process, r *oauth.KeyRotation) error {
	done, err := r.Reseal(ctx)
	if err != nil {
		return fmt.Errorf("reseal: %w", err)
	}
	writeResealed(p, done)
	fmt.Fprint(p.Stdout, nextStep("reseal", ""))
	return nil
}

func writeResealed(p Process, done oauth.Resealed) {
	fmt.Fprintf(p.Stdout, "%d rows are sealed with the new key now; none needs the old one.\n", done.Rows)
	if done.Unreadable > 0 {
		fmt.Fprintf(p.Stdout, "%d rows are sealed with a key that is not at hand, or damaged. They stay as they are: those people connect again.\n", done.Unreadable)
	}
}

// rotateEmbedded takes all steps on embedded stores that do not run. Killed anywhere,
// the file of the key opens every row, and the command goes on when it is called again.
func rotateEmbedded(ctx context.Context, p Process, c config.Config) error {
	if c.SealingKey != "" || c.DatabaseURL != "" {
		return fmt.Errorf("%w: name a step, because the sealing key is not that of a data directory: %s", errUsage, rotateUsage)
	}
	if running, err := store.Find(c); err == nil {
		return fmt.Errorf("%w: a system runs in %s with the old key: stop it, rotate, and start it again", errUsage, running.DataDir)
	}
	stores, _, err := reach(ctx, p, c, "keys "+rotateWord)
	if err != nil {
		return err
	}
	defer stores.Close()
	key, err := store.SealingKey(stores.DataDir)
	if err != nil {
		return err
	}
	if key, err = useNewKey(ctx, p, c, stores, key); err != nil {
		return err
	}
	return withRotation(ctx, p, c, stores, key, func(r *oauth.KeyRotation) error {
		done, err := r.Reseal(ctx)
		if err != nil {
			return err
		}
		writeResealed(p, done)
		last, err := r.Drop(ctx)
		if err != nil {
			return err
		}
		if err := store.WriteKey(store.SealingKeyFile(stores.DataDir), last); err != nil {
			return err
		}
		fmt.Fprintf(p.Stdout, "%s has the new key alone. Start the system again.\n", store.SealingKeyFile(stores.DataDir))
		return nil
	})
}

// useNewKey lets a new key of a data directory seal, and the old one open.
func useNewKey(ctx context.Context, p Process, c config.Config, stores *store.Stores, key string) (string, error) {
	err := withRotation(ctx, p, c, stores, key, func(r *oauth.KeyRotation) (err error) {
		if r.Keys() > 1 {
			return nil // a rotation before was stopped
		}
		old, err := store.KeepSealingKey(stores.DataDir, key)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.Stdout, "The old key is kept in %s: backups made before now need it. Delete it with them.\n", old)
		key, err = r.Add(ctx)
		return err
	})
	if err != nil {
		return "", err
	}
	err = withRotation(ctx, p, c, stores, key, func(r *oauth.KeyRotation) (err error) {
		if !r.SealsWithNewest() {
			key, err = r.UseNewest(ctx)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return key, store.WriteKey(store.SealingKeyFile(stores.DataDir), key)
}
