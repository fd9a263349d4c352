package command

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

const (
	googleSecret = "a-google-client-secret"
	noticeSecret = "Bearer a-notification-secret-of-a-test"

	googleNotifications = "/api/v1/providers/google_health/notifications"
)

// googleSite is a simulated Google and the environment that points to it.
func googleSite(t *testing.T) (*googlehealth.Cloud, map[string]string) {
	t.Helper()
	person, err := simulator.NewPerson(1, "somebody", "Europe/Berlin", simulator.Options{Now: time.Now(), Days: 2})
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := googlehealth.New(googlehealth.Options{
		ClientID: "GOOGLE-CLIENT", ClientSecret: googleSecret, RedirectURIs: []string{"http://localhost/callback"}, People: []*simulator.Person{person},
	})
	if err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(cloud.Handler())
	t.Cleanup(site.Close)
	return cloud, map[string]string{
		"GOOGLE_HEALTH_CLIENT_ID": "GOOGLE-CLIENT", "GOOGLE_HEALTH_CLIENT_SECRET": googleSecret,
		"GOOGLE_HEALTH_AUTHORIZE_URL": site.URL + "/o/oauth2/v2/auth", "GOOGLE_HEALTH_TOKEN_URL": site.URL + "/token",
		"GOOGLE_HEALTH_REVOKE_URL": site.URL + "/revoke", "GOOGLE_HEALTH_API_BASE_URL": site.URL,
		"GOOGLE_HEALTH_NOTIFICATION_KEY_URL": site.URL + googlehealth.KeysPath, "STRIDELOG_DATA_DIR": t.TempDir(),
	}
}

// runWith calls a command in an environment.
func runWith(t *testing.T, env map[string]string, args ...string) (code int, said string) {
	t.Helper()
	var out bytes.Buffer
	code = Run(t.Context(), args, Process{Name: "stridelog", Stdout: &out, Stderr: &out, Env: func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}})
	return code, out.String()
}

func TestDoctorSaysWhatToRegisterAndWhatIsWrong(t *testing.T) {
	_, env := googleSite(t)
	gateway := newGateway(t, noticeSecret)
	env["GOOGLE_HEALTH_REDIRECT_URI"] = gateway + "/api/v1/oauth/google_health/callback"
	env["GOOGLE_HEALTH_NOTIFICATION_SECRET"] = noticeSecret
	with := func(pairs ...string) map[string]string {
		changed := map[string]string{}
		for k, v := range env {
			changed[k] = v
		}
		for i := 0; i < len(pairs); i += 2 {
			changed[pairs[i]] = pairs[i+1]
		}
		return changed
	}
	for name, c := range map[string]struct {
		env  map[string]string
		code int
		says []string
	}{
		"all is well": {env, exitOK, []string{
			"Redirect URI to register, exactly:\n        " + gateway + "/api/v1/oauth/google_health/callback\n",
			"https://www.googleapis.com/auth/googlehealth.activity_and_fitness.readonly\n", "refresh tokens die after 7 days", "100 users",
			"paused the admission of new Cloud projects", "stridelog import", "accepts the secret", "The gateway answers", "Notifications are taken",
		}},
		"no credentials": {with("GOOGLE_HEALTH_CLIENT_ID", "", "GOOGLE_HEALTH_CLIENT_SECRET", ""), exitOK, []string{
			"refresh tokens die after 7 days", "the provider is disabled", "set GOOGLE_HEALTH_CLIENT_ID",
		}},
		"another secret": {with("GOOGLE_HEALTH_CLIENT_SECRET", "wrong-one"), exitFailed, []string{"fail  The provider does not accept the client id and secret."}},
		"nobody there": {with("GOOGLE_HEALTH_TOKEN_URL", "http://127.0.0.1:1/token"), exitFailed, []string{
			"127.0.0.1:1 cannot be reached", "Check DNS", "Whether the client id and secret are right is not known",
		}},
		"no gateway":          {with("GOOGLE_HEALTH_REDIRECT_URI", "http://127.0.0.1:1/api/v1/oauth/google_health/callback"), exitOK, []string{"No gateway answers"}},
		"no HTTPS":            {with("GOOGLE_HEALTH_REDIRECT_URI", "http://example.invalid/x"), exitFailed, []string{"neither HTTPS nor on this machine"}},
		"too little":          {with("GOOGLE_HEALTH_DEFAULT_SCOPE", "sleep.readonly"), exitFailed, []string{"nothing can be read"}},
		"another word":        {with("GOOGLE_HEALTH_NOTIFICATION_SECRET", noticeSecret+"2"), exitFailed, []string{"does not accept the notification secret"}},
		"nothing told":        {with("GOOGLE_HEALTH_NOTIFICATION_SECRET", ""), exitOK, []string{"Notifications are off"}},
		"a provider of yours": {env, exitUsage, nil},
	} {
		args := []string{"doctor", "google_health"}
		if c.says == nil {
			args[1] = "nobody"
		}
		code, said := runWith(t, c.env, args...)
		if code != c.code {
			t.Errorf("%s: code %d, want %d:\n%s", name, code, c.code, said)
		}
		for _, s := range c.says {
			if !strings.Contains(said, s) {
				t.Errorf("%s: it does not say %q:\n%s", name, s, said)
			}
		}
		for _, secret := range []string{googleSecret, noticeSecret} {
			if strings.Contains(said, secret) {
				t.Errorf("%s: it shows a secret:\n%s", name, said)
			}
		}
	}
}

func TestGoogleSubscribeRegistersTheGateway(t *testing.T) {
	cloud, env := googleSite(t)
	env["GOOGLE_HEALTH_REDIRECT_URI"] = newGateway(t, noticeSecret) + "/api/v1/oauth/google_health/callback"
	env["GOOGLE_HEALTH_NOTIFICATION_SECRET"] = noticeSecret
	env["GOOGLE_ACCESS_TOKEN"] = cloud.ProjectToken()
	for range 2 { // the second time it is changed
		if code, said := runWith(t, env, "google", "subscribe", "--project", "123456789012"); code != exitOK || !strings.Contains(said, "is ACTIVE") {
			t.Fatalf("code %d: %s", code, said)
		}
	}
	for name, c := range map[string]struct {
		name, value string
		args        []string
		code        int
		says        string
	}{
		"no token":         {"GOOGLE_ACCESS_TOKEN", "", []string{"--project", "123456789012"}, exitUsage, "gcloud auth print-access-token"},
		"an old token":     {"GOOGLE_ACCESS_TOKEN", "ya29.old", []string{"--project", "123456789012"}, exitFailed, "take a fresh one"},
		"no secret":        {"GOOGLE_HEALTH_NOTIFICATION_SECRET", "", []string{"--project", "123456789012"}, exitUsage, "GOOGLE_HEALTH_NOTIFICATION_SECRET"},
		"an id":            {"", "", []string{"--project", "my-project"}, exitUsage, "projectNumber"},
		"another gateway":  {"", "", []string{"--project", "123456789012", "--endpoint", newGateway(t, "another") + googleNotifications}, exitFailed, "stridelog doctor google_health"},
		"a strange name":   {"", "", []string{"--project", "123456789012", "--id", "X"}, exitUsage, "--id must be"},
		"nothing to do":    {"", "", []string{"more"}, exitUsage, "stridelog google subscribe --project NUMBER [--id ID] [--endpoint URL]"},
		"no number at all": {"", "", nil, exitUsage, "stridelog google subscribe --project NUMBER [--id ID] [--endpoint URL]"},
	} {
		changed := map[string]string{}
		for k, v := range env {
			changed[k] = v
		}
		changed[c.name] = c.value
		code, said := runWith(t, changed, append([]string{"google", "subscribe"}, c.args...)...)
		if code != c.code || !strings.Contains(said, c.says) || strings.Contains(said, noticeSecret) || strings.Contains(said, env["GOOGLE_ACCESS_TOKEN"]) {
			t.Errorf("%s: code %d, want %d and %q: %s", name, code, c.code, c.says, said)
		}
	}
}

// newGateway answers at /healthz and to the handshake of a subscriber, as ours does.
func newGateway(t *testing.T, secret string) (address string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST "+googleNotifications, func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusUnauthorized
		if r.Header.Get("Authorization") == secret {
			status = http.StatusCreated
		}
		w.WriteHeader(status)
	})
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	return site.URL
}
