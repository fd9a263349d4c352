package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

// firstUser is the page that app developers begin with.
const firstUser = "docs/connect-your-first-user.md"

// TestAFirstUserIsConnectedAsThePageSays runs the whole page in one shell, as its reader
// does, against both simulated clouds, and looks at what each section printed.
func TestAFirstUserIsConnectedAsThePageSays(t *testing.T) {
	w := newGoogleWorld(t, googlehealth.Options{}, func(c *config.Config) { c.RedirectAllowlist = []string{"http://localhost:*"} })
	// The clouds send browsers to a host that has no address; curl finds it here.
	curl := t.TempDir()
	at := strings.TrimPrefix(w.in.Client.BaseURL, "http://")
	if err := os.WriteFile(filepath.Join(curl, ".curlrc"), []byte(`connect-to = "stridelog.test:80:`+at+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	g := openGuide(t, "docs/connect-your-first-user.md", "URL="+w.in.Client.BaseURL, "KEY="+installation.AdminKey, "NATS_URL="+w.natsURL, "CURL_HOME="+curl)

	const mark = "the section "
	var script strings.Builder
	var sections []string
	for _, b := range blocks(readDocument(t, firstUser)) {
		if b.language == "sh" {
			script.WriteString("echo; echo '" + mark + b.section + "'\n" + g.take(t, b.section))
			sections = append(sections, b.section)
		}
	}
	if len(sections) != 1+10 {
		t.Fatalf("the page has the sections %q, want an introduction and ten commands", sections)
	}
	const all = "all"
	g.left[all] = script.String()
	printed := map[string]string{}
	g.run(t, all, func(text string) error {
		for _, part := range strings.Split(text, "\n"+mark)[1:] {
			title, said, _ := strings.Cut(part, "\n")
			printed[title] = said
		}
		return nil
	})
	for section, parts := range map[string][]string{
		"1. Create the user":        {`"external_user_id":"customer-42"`},
		"2. Ask for a consent":      {"/oauth2/authorize?client_id=CLIENT&", "state="},
		"4. They come back":         {"http://localhost:3000/connected?", "session=", "provider=fitbit", "status=active", "connection_id="},
		"5. Look at the connection": {`"status":"active"`, `"next_action":null`},
		"6. What goes wrong": {
			"error=access_denied&provider=fitbit", "error=scope_missing&provider=fitbit",
			"error=access_denied&provider=google_health", "error=scope_missing&provider=google_health",
			`"code":"invalid_state"`, `"code":"unknown_provider"`,
		},
		"7. Read the past": {`"trigger":"backfill"`},
		"8. Show workouts": {`"local_date"`, `"provider":"fitbit"`},
		"9. Keep in step":  {"stridelog.workout.recorded.v1", `"local_date"`},
		"10. Erase":        {`"state":"done"`, `"receipt":{`, `"status":404`},
	} {
		if err := holds(parts...)(printed[section]); err != nil {
			t.Errorf("%s: %v; it printed\n%s", section, err, printed[section])
		}
	}
}
