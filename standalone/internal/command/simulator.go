package command

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/stridelog/stridelog/platform/httpserver"
	"github.com/stridelog/stridelog/platform/lifecycle"
	"github.com/stridelog/stridelog/provider/fitbit"
	"github.com/stridelog/stridelog/provider/googlehealth"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/export"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/demo"
)

const simulatorUsage = "stridelog simulator [fitbit|google_health] serves a cloud on HTTP_ADDR; stridelog simulator export PATH writes an archive"

// runSimulator serves a fake cloud for a system elsewhere, or writes an export archive
// of one of its people.
func runSimulator(ctx context.Context, p Process, c config.Config, args []string) error {
	if len(args) > 0 && args[0] == "export" {
		return runSimulatorExport(p, args[1:])
	}
	newCloud := simulatedFitbit
	switch {
	case len(args) == 0, len(args) == 1 && args[0] == fitbit.Name:
	case len(args) == 1 && args[0] == googlehealth.Name:
		newCloud = simulatedGoogle
	default:
		return fmt.Errorf("%w: %s", errUsage, simulatorUsage)
	}
	log, err := newLogger(p, c)
	if err != nil {
		return err
	}
	if err := checkListen(ctx, "HTTP_ADDR", c.HTTPAddr, strings.Join(append([]string{p.Name, "simulator"}, args...), " ")); err != nil {
		return err
	}
	cloud, err := newCloud(c)
	if err != nil {
		return err
	}
	server := httpserver.New(httpserver.Options{Name: "simulator", Addr: c.HTTPAddr, Handler: cloud.handler, Log: log})
	return lifecycle.Run(ctx, log,
		lifecycle.Component{Name: "simulator", Run: server.Run},
		lifecycle.Component{Name: "announcement", Run: func(ctx context.Context, ready func()) error {
			base := demo.BaseURL(server.Addr())
			fmt.Fprintf(p.Stdout, "A fake %s cloud answers on %s. Point the system at it:\n\n", cloud.display, base)
			for _, variable := range cloud.variables(base) {
				fmt.Fprintln(p.Stdout, "  export", variable)
			}
			if cloud.then != nil {
				cloud.then(p)
			}
			fmt.Fprintln(p.Stdout)
			ready()
			<-ctx.Done()
			return nil
		}})
}

// runSimulatorExport writes an export archive: .zip, .tgz, or a folder.
func runSimulatorExport(p Process, args []string) error {
	var s demo.Sample
	var megabytes int64
	flags := newFlags(p, "simulator export")
	flags.Func("era", "how the archive looks: A (2018), B (2021), C (2023) or D (since June 2026, default)", func(era string) error {
		s.Era = export.Era(strings.ToUpper(era))
		return nil
	})
	flags.IntVar(&s.Years, "years", 10, "length of the history")
	flags.StringVar(&s.Person, "person", "", "whose archive; default is the person whom the demo connects")
	flags.IntVar(&s.Exercises, "exercises", 0, "repeat the history until there are so many")
	flags.Int64Var(&megabytes, "megabytes", 0, "add heart rate until all files have so many")
	path, err := parseWord(flags, args)
	switch {
	case err != nil:
		return err
	case path == "":
		return fmt.Errorf("%w: stridelog simulator export PATH.zip|PATH.tgz|FOLDER [--era D] [--years 10]", errUsage)
	}
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("%w: %s exists; name a file or folder that does not", errUsage, path)
	}
	s.Bytes = megabytes << 20
	archive, err := demo.NewExport(s, time.Now())
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if err := archive.Save(path); err != nil {
		return err
	}
	records := archive.Records()
	fmt.Fprintf(p.Stdout, "%s holds %d exercises of a simulated person, from %s to %s.\n", path, len(records),
		records[0].LocalDate(), records[len(records)-1].LocalDate())
	return nil
}
