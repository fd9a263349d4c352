package command

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/stridelog/stridelog/provider/catalog"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/doctor"
	"github.com/stridelog/stridelog/standalone/internal/system"
)

// errUnwell says that the doctor found something that does not work.
var errUnwell = errors.New("something does not work: see the lines that say fail")

// runDoctor examines one provider or all of them, and exits with 1 when a line says
// that something does not work.
func runDoctor(ctx context.Context, p Process, c config.Config, args []string) error {
	names := providerNames()
	switch {
	case len(args) > 1 || len(args) == 1 && strings.HasPrefix(args[0], "-"):
		return fmt.Errorf("%w: stridelog doctor [%s]", errUsage, strings.Join(names, "|"))
	case len(args) == 1:
		names = args
	}
	settings := system.Settings(c, func(string) *http.Client { return nil })
	unwell := false
	for _, name := range names {
		patient := doctor.Patient{Settings: settings[name], RedirectURI: system.RedirectURIs(c)[name]}
		lines, err := patient.Examine(ctx, name)
		if err != nil {
			return fmt.Errorf("%w: %w; the providers are %s", errUsage, err, strings.Join(providerNames(), ", "))
		}
		doctor.Print(p.Stdout, name, lines)
		unwell = unwell || doctor.Failed(lines)
	}
	if unwell {
		return errUnwell
	}
	return nil
}

func providerNames() (names []string) {
	for _, d := range catalog.Descriptors() {
		names = append(names, d.Name)
	}
	return names
}
