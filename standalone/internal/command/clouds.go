package command

import (
	"fmt"
	"net/http"

	simulated "github.com/stridelog/stridelog/provider/simulator/googlehealth"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/demo"
)

// fakeCloud is a cloud that `stridelog simulator` serves, with what a system needs to use
// it.
type fakeCloud struct {
	display   string
	handler   http.Handler
	variables func(base string) []string // NAME=value, as a shell reads them
	then      func(p Process)            // prints what else there is; nil: nothing
}

// fakeNotificationSecret is the same everywhere: it protects nothing.
const fakeNotificationSecret = "Bearer simulated-notification-secret"

// fakeCredentials are those of the configured app, or the ones that protect nothing, and
// the variables that give them to a system. A secret that was given is not printed: what a
// process prints is kept in logs, and the operator knows it already.
func fakeCredentials(prefix, id, secret, redirectURI string) (c demo.Credentials, variables []string) {
	c = demo.DefaultCredentials()
	shown := prefix + "_CLIENT_SECRET=" + c.ClientSecret
	if id != "" {
		c.ClientID, c.ClientSecret = id, secret
		shown = prefix + "_CLIENT_SECRET # as the simulator has it"
	}
	c.RedirectURIs = []string{redirectURI}
	return c, []string{prefix + "_CLIENT_ID=" + c.ClientID, shown, prefix + "_REDIRECT_URI=" + redirectURI}
}

func simulatedFitbit(c config.Config) (fakeCloud, error) {
	f := c.Fitbit
	credentials, variables := fakeCredentials("FITBIT", f.ClientID, f.ClientSecret, f.RedirectURI)
	cloud, err := demo.NewCloud(credentials, "")
	if err != nil {
		return fakeCloud{}, err
	}
	return fakeCloud{display: "Fitbit", handler: cloud.Handler(), variables: func(base string) []string {
		return append([]string{"FITBIT_AUTHORIZE_URL=" + base + "/oauth2/authorize", "FITBIT_API_BASE_URL=" + base}, variables...)
	}}, nil
}

func simulatedGoogle(c config.Config) (fakeCloud, error) {
	g := c.GoogleHealth
	credentials, variables := fakeCredentials("GOOGLE_HEALTH", g.ClientID, g.ClientSecret, g.RedirectURI)
	cloud, err := demo.NewGoogleCloud(credentials, "")
	if err != nil {
		return fakeCloud{}, err
	}
	secret := "GOOGLE_HEALTH_NOTIFICATION_SECRET='" + fakeNotificationSecret + "'"
	if g.NotificationSecret != "" {
		secret = "GOOGLE_HEALTH_NOTIFICATION_SECRET # as the simulator has it"
	}
	return fakeCloud{
		display: "Google Health", handler: cloud.Handler(),
		variables: func(base string) []string {
			return append([]string{
				"GOOGLE_HEALTH_AUTHORIZE_URL=" + base + "/o/oauth2/v2/auth",
				"GOOGLE_HEALTH_TOKEN_URL=" + base + "/token",
				"GOOGLE_HEALTH_REVOKE_URL=" + base + "/revoke",
				"GOOGLE_HEALTH_API_BASE_URL=" + base,
				"GOOGLE_HEALTH_NOTIFICATION_KEY_URL=" + base + simulated.KeysPath,
				secret,
			}, variables...)
		},
		then: func(p Process) {
			fmt.Fprintf(p.Stdout, "\nOnce the gateway runs, have the cloud tell it of changes (the token lives for an hour):\n\n  GOOGLE_ACCESS_TOKEN=%s stridelog google subscribe --project %s --endpoint %s\n",
				cloud.ProjectToken(), demo.ProjectNumber, endpointBeside(g.RedirectURI))
		},
	}, nil
}
