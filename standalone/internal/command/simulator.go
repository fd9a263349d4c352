package command

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/stridelog/stridelog/platform/httpserver"
	"github.com/stridelog/stridelog/platform/lifecycle"
	"github.com/stridelog/stridelog/provider/simulator/clouds"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/demo"
)

func simulatorUsage() string {
	var names []string
	for _, r := range clouds.All() {
		names = append(names, r.Provider)
	}
	return "stridelog simulator [" + choice(names) + "] serves a cloud on HTTP_ADDR; stridelog simulator export PATH writes an archive"
}

// fakeClouds says which clouds can be had, and how the others than the first are named.
func fakeClouds() string {
	all := clouds.All()
	text := all[0].DisplayName
	for _, r := range all[1:] {
		text += " or, with the argument " + r.Provider + ", of " + r.DisplayName
	}
	return text
}

// runSimulator serves a fake cloud for a system elsewhere, or writes an export archive
// of one of its people.
func runSimulator(ctx context.Context, p Process, c config.Config, args []string) error {
	if len(args) > 0 && args[0] == "export" {
		return runSimulatorExport(p, args[1:])
	}
	fake, known := clouds.All()[0], len(args) == 0
	if len(args) == 1 {
		fake, known = clouds.Find(args[0])
	}
	if !known {
		return fmt.Errorf("%w: %s", errUsage, simulatorUsage())
	}
	log, err := newLogger(p, c)
	if err != nil {
		return err
	}
	if err := checkListen(ctx, "HTTP_ADDR", c.HTTPAddr, strings.Join(append([]string{p.Name, "simulator"}, args...), " ")); err != nil {
		return err
	}
	cloud, app, err := simulated(c.Providers[fake.Provider], fake)
	if err != nil {
		return err
	}
	server := httpserver.New(httpserver.Options{Name: "simulator", Addr: c.HTTPAddr, Handler: cloud.Handler(), Log: log})
	return lifecycle.Run(ctx, log,
		lifecycle.Component{Name: "simulator", Run: server.Run},
		lifecycle.Component{Name: "announcement", Run: func(ctx context.Context, ready func()) error {
			base := demo.BaseURL(server.Addr())
			fmt.Fprintf(p.Stdout, "A fake %s cloud answers on %s. Point the system at it:\n\n", fake.DisplayName, base)
			for _, variable := range variables(c.Providers[fake.Provider], fake.Provider, cloud.Addresses(base), app) {
				fmt.Fprintln(p.Stdout, "  export", variable)
			}
			if next := cloud.Next(notificationsBeside(c.Providers[fake.Provider], fake.Provider)); next != "" {
				fmt.Fprintf(p.Stdout, "\n%s\n", next)
			}
			fmt.Fprintln(p.Stdout)
			ready()
			<-ctx.Done()
			return nil
		}})
}

// runSimulatorExport writes an export archive: .zip, .tgz, or a folder.
func runSimulatorExport(p Process, args []string) error {
	exports, ok := clouds.Exports()
	if !ok {
		return fmt.Errorf("%w: %s", errUsage, simulatorUsage())
	}
	var s demo.Sample
	var megabytes int64
	flags := newFlags(p, "simulator export")
	flags.StringVar(&s.Look, "era", "", "how the archive looks: "+exports.Looks)
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
	days := archive.Days()
	fmt.Fprintf(p.Stdout, "%s holds %d exercises of a simulated person, from %s to %s.\n", path, len(days), days[0], days[len(days)-1])
	return nil
}
