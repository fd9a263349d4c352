package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/postgres"
	"github.com/stridelog/stridelog/provider/catalog"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/doctor"
	"github.com/stridelog/stridelog/standalone/internal/store"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

// storesWord has the doctor look at the stores instead of a provider.
const storesWord = "stores"

// doctorStores checks NATS and PostgreSQL. It changes nothing, also where the two do
// not belong together.
func doctorStores(ctx context.Context, p Process, c config.Config, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: stridelog doctor stores takes no more arguments", errUsage)
	}
	return connected(ctx, p, c, "doctor", store.Find, func(ctx context.Context, b *bus.Bus, stores *store.Stores, log *slog.Logger) error {
		db, err := postgres.Open(ctx, stores.DatabaseURL, postgres.Options{ApplicationName: "stridelog-doctor", MaxConns: 1, Log: log})
		if err != nil {
			return err
		}
		defer db.Close()
		nats, tables := doctor.Stores{
			DB: db, Bus: b, DataDir: stores.DataDir, MonitorURL: c.NATSMonitorURL, Pair: system.CheckPair(ctx, db, b),
		}.Check(ctx)
		doctor.Print(p.Stdout, "NATS", nats)
		doctor.Print(p.Stdout, "PostgreSQL", tables)
		if doctor.Failed(nats) || doctor.Failed(tables) {
			return errUnwell
		}
		return nil
	}, func(*bus.Bus) error { return nil })
}

// errUnwell says that the doctor found something that does not work.
var errUnwell = errors.New("something does not work: see the lines that say fail")

// runDoctor checks one provider or all of them, and exits with 1 when a line says
// that something does not work.
func runDoctor(ctx context.Context, p Process, c config.Config, args []string) error {
	if len(args) > 0 && args[0] == storesWord {
		return doctorStores(ctx, p, c, args[1:])
	}
	names := catalog.Names()
	switch {
	case len(args) > 1 || len(args) == 1 && strings.HasPrefix(args[0], "-"):
		return fmt.Errorf("%w: stridelog doctor [stores|%s]", errUsage, strings.Join(names, "|"))
	case len(args) == 1:
		names = args
	}
	failed := false
	for _, name := range names {
		one := doctor.Provider{Settings: c.Providers[name]}
		lines, err := one.Check(ctx, name)
		if err != nil {
			return fmt.Errorf("%w: %w; the providers are %s", errUsage, err, strings.Join(catalog.Names(), ", "))
		}
		doctor.Print(p.Stdout, name, lines)
		failed = failed || doctor.Failed(lines)
	}
	if failed {
		return errUnwell
	}
	return nil
}
