package config_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stridelog/stridelog/standalone/internal/config"
)

func TestNamesAreThoseThatLoadReads(t *testing.T) {
	names := config.Names()
	for _, name := range []string{"DATABASE_URL", "DATABASE_URL_FILE", "STRIDELOG_DATA_DIR", "FITBIT_CLIENT_SECRET_FILE", "POLL_RESCAN", "IMPORT_PLACES", "LOG_LEVEL", "GOOGLE_HEALTH_VERIFIED", "OTEL_SDK_DISABLED", "npm_config_registry"} {
		if !slices.Contains(names, name) {
			t.Errorf("%s is not among %v", name, names)
		}
	}
	for _, name := range config.Foreign() {
		if !strings.HasPrefix(name, "OTEL_") || !slices.Contains(names, name) {
			t.Errorf("OpenTelemetry defines %s?", name)
		}
	}
}

func TestUnknownNamesNameTheNearOnes(t *testing.T) {
	for name, want := range map[string]string{
		"STRIDELOG_SEALING_KEYS": "STRIDELOG_SEALING_KEY",
		"STRIDELOG_DATADIR":      "STRIDELOG_DATA_DIR",
		"FITBIT_CLIENT_IDD":      "FITBIT_CLIENT_ID",
		"FITBIT_CLIENT_ID_FILE":  "FITBIT_CLIENT_ID",
		"GOOGLE_HEALTH_CLIENTID": "GOOGLE_HEALTH_CLIENT_ID",
		"POLL_RESCANS":           "POLL_RESCAN",
		"IMPORT_MAX_BYTE":        "IMPORT_MAX_BYTES",
		"poll_lease":             "POLL_LEASE",
		"DATABASE_URI":           "DATABASE_URL",
		"HTTP_ADR":               "HTTP_ADDR",
		"LOGLEVEL":               "LOG_LEVEL",
		"STRIDELOG_COLOUR":       "",
	} {
		if got := config.UnknownNames([]string{name + "=secret"}); !slices.Equal(got, []config.Unknown{{Name: name, Near: want}}) {
			t.Errorf("%s: got %v, want %q", name, got, want)
		}
	}
	for _, name := range []string{
		"PATH", "HOME", "HTTP_PROXY", "HTTPS_PROXY", "NATS_CONTEXT", "NATS_USER", "LOG_DIR", "GOOGLE_APPLICATION_CREDENTIALS",
		"OTEL_RESOURCE_ATTRIBUTES", "OTEL_SERVICE_NAME", "npm_config_cache", "PGDATA", "XDG_DATA_HOME", "URL", "KEY", "GOMEMLIMIT",
	} {
		if got := config.UnknownNames([]string{name + "=x"}); len(got) != 0 {
			t.Errorf("%s is of other programs and reported: %v", name, got)
		}
	}
}

// A name that Load reads is never reported, and one letter more always is.
func TestEveryKnownNameIsKnownAndItsMisspellingIsNot(t *testing.T) {
	names := config.Names()
	for _, name := range names {
		if got := config.UnknownNames([]string{name + "=x", name + "="}); len(got) != 0 {
			t.Errorf("%s is reported: %v", name, got)
		}
	}
	foreign := config.Foreign()
	own := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.Contains(foreign, name) || strings.HasPrefix(name, "npm") || strings.HasPrefix(name, "NPM")
	})
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom(own).Draw(rt, "name")
		at := rapid.IntRange(1, len(name)).Draw(rt, "at")
		wrong := name[:at] + "Q" + name[at:]
		got := config.UnknownNames([]string{wrong + "=x"})
		if len(got) != 1 || got[0].Name != wrong || got[0].Near == "" {
			rt.Errorf("%s gave %v", wrong, got)
		}
	})
}
