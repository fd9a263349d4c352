package config

import (
	"strings"

	"github.com/stridelog/stridelog/platform/env"
)

// GoogleHealth holds the settings of the Google Health connector; an empty ClientID
// disables it. An empty address is Google's own.
type GoogleHealth struct {
	ClientID, ClientSecret                        string
	RedirectURI                                   string
	Scopes                                        []string
	AuthorizeURL, TokenURL, RevokeURL, APIBaseURL string
	// Verified says that Google has verified the project, which raises its limits.
	Verified bool
	// RequestsPerMinute and AppRequestsPerMinute are limits of an operator's own, for
	// each account and for all together; zero is what Verified says.
	RequestsPerMinute, AppRequestsPerMinute int
	// NotificationSecret is the Authorization header that Google's notifications
	// carry; empty: they are not read.
	NotificationSecret, NotificationKeyURL string
}

func (c *Config) readGoogleHealth(r *env.Reader) {
	c.GoogleHealth = GoogleHealth{
		ClientID:     r.String("GOOGLE_HEALTH_CLIENT_ID", ""),
		ClientSecret: r.Secret("GOOGLE_HEALTH_CLIENT_SECRET"),
		RedirectURI:  r.URL("GOOGLE_HEALTH_REDIRECT_URI", "http://localhost:8000/api/v1/oauth/google_health/callback"),
		Scopes: strings.Fields(r.String("GOOGLE_HEALTH_DEFAULT_SCOPE",
			"activity_and_fitness.readonly health_metrics_and_measurements.readonly location.readonly settings.readonly")),
		AuthorizeURL:         r.URL("GOOGLE_HEALTH_AUTHORIZE_URL", "https://accounts.google.com/o/oauth2/v2/auth"),
		TokenURL:             r.URL("GOOGLE_HEALTH_TOKEN_URL", "https://oauth2.googleapis.com/token"),
		RevokeURL:            r.URL("GOOGLE_HEALTH_REVOKE_URL", "https://oauth2.googleapis.com/revoke"),
		APIBaseURL:           r.URL("GOOGLE_HEALTH_API_BASE_URL", "https://health.googleapis.com"),
		Verified:             r.Bool("GOOGLE_HEALTH_VERIFIED", false),
		RequestsPerMinute:    r.Int("GOOGLE_HEALTH_REQUESTS_PER_MINUTE", 0),
		AppRequestsPerMinute: r.Int("GOOGLE_HEALTH_APP_REQUESTS_PER_MINUTE", 0),
		NotificationSecret:   r.Secret("GOOGLE_HEALTH_NOTIFICATION_SECRET"),
		NotificationKeyURL:   r.URL("GOOGLE_HEALTH_NOTIFICATION_KEY_URL", "https://www.gstatic.com/googlehealthapi/webhooks/webhooks_public_keyset.json"),
	}
	g := c.GoogleHealth
	if (g.ClientID == "") != (g.ClientSecret == "") {
		r.Fault("GOOGLE_HEALTH_CLIENT_ID", "and GOOGLE_HEALTH_CLIENT_SECRET go together: set both, or neither to disable Google Health")
	}
	for name, n := range map[string]int{
		"GOOGLE_HEALTH_REQUESTS_PER_MINUTE": g.RequestsPerMinute, "GOOGLE_HEALTH_APP_REQUESTS_PER_MINUTE": g.AppRequestsPerMinute,
	} {
		if n < 0 {
			r.Fault(name, "must not be negative; 0 is the default for this kind of project")
		}
	}
	if s := g.NotificationSecret; s != "" && len(s) < 24 {
		r.Fault("GOOGLE_HEALTH_NOTIFICATION_SECRET", "is shorter than 24 characters; anybody who guesses it can send notifications")
	}
}
