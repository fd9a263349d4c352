package catalog_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/catalog"
)

func TestDescriptorsAreCompleteAndUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range catalog.Descriptors() {
		if d.Name == "" || d.DisplayName == "" || len(d.Capabilities) == 0 || len(d.Needs.Required()) == 0 {
			t.Errorf("incomplete: %+v", d)
		}
		if seen[d.Name] || strings.ContainsAny(d.Name, ".*> ") {
			t.Errorf("%q comes twice or is no token of a subject", d.Name)
		}
		seen[d.Name] = true
		for _, alias := range d.Aliases {
			if seen[alias] || alias == "" || slices.ContainsFunc(catalog.Descriptors(), func(o provider.Descriptor) bool { return o.Name == alias }) {
				t.Errorf("alias %q of %s is empty, or another name too", alias, d.Name)
			}
			seen[alias] = true
		}
		if d.Status != provider.StatusAvailable && d.Status != provider.StatusRetired {
			t.Errorf("%s has status %q", d.Name, d.Status)
		}
		if d.SourceRank <= 0 {
			t.Errorf("%s has no rank among the sources", d.Name)
		}
		if d.Status == provider.StatusRetired && d.Notice == "" {
			t.Errorf("%s is retired without a notice", d.Name)
		}
	}
}

func TestALivingSourceComesBeforeOneThatIsGone(t *testing.T) {
	if got := catalog.Sources(); !slices.Equal(got, []string{"google_health", "fitbit"}) {
		t.Errorf("the order of sources is %v", got)
	}
}

func TestFitbitSaysWhenItEnds(t *testing.T) {
	at := slices.IndexFunc(catalog.Descriptors(), func(d provider.Descriptor) bool { return d.Name == "fitbit" })
	if at < 0 {
		t.Fatal("fitbit is not in the catalogue")
	}
	d := catalog.Descriptors()[at]
	for _, word := range []string{"2026-10-30", "2026-11-02", "google_health", "archive"} {
		if !strings.Contains(d.Notice, word) {
			t.Errorf("the notice lacks %s: %s", word, d.Notice)
		}
	}
	if d.Status != provider.StatusRetired {
		t.Errorf("status is %s", d.Status)
	}
}

func TestEveryProviderHasAConnectorAndNormalizers(t *testing.T) {
	normalizers := catalog.Normalizers()
	for _, d := range catalog.Descriptors() {
		settings := map[string]provider.Values{d.Name: {"CLIENT_ID": "id", "CLIENT_SECRET": "secret", "API_BASE_URL": "http://127.0.0.1:1"}}
		connectors, err := catalog.Connectors(settings, nil)
		if err != nil {
			t.Fatal(err)
		}
		c := connectors[d.Name]
		if c == nil || c.Name != d.Name || c.Authorizer == nil || len(c.Sources) == 0 || len(connectors) != 1 {
			t.Fatalf("%s: got %+v", d.Name, connectors)
		}
		if !slices.ContainsFunc(slices.Collect(maps.Keys(normalizers)), func(format string) bool { return strings.HasPrefix(format, d.Name+".") }) {
			t.Errorf("no normalizer reads a format of %s", d.Name)
		}
	}
	for format, n := range normalizers {
		if n == nil || n.Version() < 1 {
			t.Errorf("%s has no normalizer with a version", format)
		}
	}
}

func TestLimitsOfGoogleHealth(t *testing.T) {
	for name, test := range map[string]struct {
		settings     provider.Values
		account, app int
	}{
		"unverified": {provider.Values{}, 150, 15_000},
		"verified":   {provider.Values{"VERIFIED": "true"}, 300, 120_000},
		"its own":    {provider.Values{"VERIFIED": "true", "REQUESTS_PER_MINUTE": "7"}, 7, 120_000},
	} {
		test.settings["CLIENT_ID"], test.settings["CLIENT_SECRET"] = "id", "secret"
		connectors, err := catalog.Connectors(map[string]provider.Values{"google_health": test.settings}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c := connectors["google_health"]
		want := []provider.Budget{{Requests: test.account, Per: time.Minute}, {Whose: provider.OfApp, Requests: test.app, Per: time.Minute}}
		if !slices.Equal(c.Budgets, want) {
			t.Errorf("%s: budgets are %+v", name, c.Budgets)
		}
		if c.Notifications != nil {
			t.Errorf("%s: notifications are read without a secret", name)
		}
	}
}

func TestAProviderWithoutSettingsIsDisabled(t *testing.T) {
	connectors, err := catalog.Connectors(nil, nil)
	if err != nil || len(connectors) != 0 {
		t.Errorf("got %v, error %v", connectors, err)
	}
}

func TestEveryFaultIsReportedAtOnceWithoutValues(t *testing.T) {
	const secret = "a-secret-value"
	_, err := catalog.Connectors(map[string]provider.Values{
		"fitbit": {"CLIENT_SECRET": secret, "AUTHORIZE_URL": "ftp://" + secret, "API_BASE_URL": "https://user:" + secret + "@host", "COLOUR": secret},
		"strava": {"CLIENT_ID": "id", "CLIENT_SECRET": secret},
	}, nil)
	if err == nil {
		t.Fatal("no fault found")
	}
	for _, word := range []string{"FITBIT_CLIENT_ID", "FITBIT_AUTHORIZE_URL", "FITBIT_API_BASE_URL", "COLOUR", "strava", "known are [fitbit google_health]"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not name %s: %v", word, err)
		}
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("the error shows a value: %v", err)
	}
	if _, err := catalog.Connectors(map[string]provider.Values{"fitbit": {"CLIENT_ID": "id"}}, nil); err == nil || !strings.Contains(err.Error(), "FITBIT_CLIENT_SECRET") {
		t.Errorf("a missing secret gave %v", err)
	}
}
