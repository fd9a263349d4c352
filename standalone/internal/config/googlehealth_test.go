package config_test

import (
	"strings"
	"testing"

	"github.com/stridelog/stridelog/standalone/internal/config"
)

func TestSettingsOfGoogleHealth(t *testing.T) {
	needs := config.Needs{Stores: config.StoresNone}
	c, err := config.Load(environment(t, nil), needs)
	if err != nil {
		t.Fatal(err)
	}
	if g := c.Providers["google_health"]; g.Text("CLIENT_ID") != "" || g.Text("API_BASE_URL") != "https://health.googleapis.com" || len(g.Words("DEFAULT_SCOPE")) != 4 || g.Bool("VERIFIED") ||
		g.Text("REDIRECT_URI") != "http://localhost:8000/api/v1/oauth/google_health/callback" {
		t.Errorf("with nothing set: %+v", g)
	}
	c, err = config.Load(environment(t, map[string]string{
		"GOOGLE_HEALTH_CLIENT_ID": "id", "GOOGLE_HEALTH_CLIENT_SECRET": "secret", "GOOGLE_HEALTH_VERIFIED": "true",
		"GOOGLE_HEALTH_REQUESTS_PER_MINUTE": "60", "GOOGLE_HEALTH_NOTIFICATION_SECRET": "Bearer " + strings.Repeat("x", 20),
	}), needs)
	if g := c.Providers["google_health"]; err != nil || g.Text("CLIENT_ID") != "id" || !g.Bool("VERIFIED") || g.Count("REQUESTS_PER_MINUTE") != 60 || len(g.Text("NOTIFICATION_SECRET")) != 27 {
		t.Errorf("got %+v, error %v", g, err)
	}
	for _, bad := range []map[string]string{
		{"GOOGLE_HEALTH_CLIENT_ID": "id"},
		{"GOOGLE_HEALTH_CLIENT_SECRET": "pa55word"},
		{"GOOGLE_HEALTH_VERIFIED": "perhaps"},
		{"GOOGLE_HEALTH_REQUESTS_PER_MINUTE": "-1"},
		{"GOOGLE_HEALTH_APP_REQUESTS_PER_MINUTE": "many"},
		{"GOOGLE_HEALTH_TOKEN_URL": "oauth2.googleapis.com"},
		{"GOOGLE_HEALTH_NOTIFICATION_SECRET": "pa55word"},
	} {
		_, err := config.Load(environment(t, bad), needs)
		if err == nil || !strings.Contains(err.Error(), "GOOGLE_HEALTH_") || strings.Contains(err.Error(), "pa55") {
			t.Errorf("%v: the report is %v", bad, err)
		}
	}
}
