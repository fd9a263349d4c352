package gateway_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

func TestAConnectionShowsWhatWasNotGrantedAndWhereToAskAgain(t *testing.T) {
	s := gatewaytest.New(t)
	for name, test := range map[string]struct {
		provider, status string
		granted          []string
		missing          []string
	}{
		"routes are not granted": {"google_health", "active", []string{"activity"}, []string{"location"}},
		"all is granted":         {"google_health", "active", []string{"activity", "location"}, nil},
		"it has ended":           {"google_health", "revoked", []string{"activity"}, nil},
		"nothing more is needed": {"fitbit", "active", []string{}, nil},
		"nobody knows it":        {"third", "active", []string{}, nil},
	} {
		user := s.User()
		s.Exec(`UPDATE oauth.connections SET scope = $2 WHERE id = $1`, s.Connection(user, test.provider, test.status), test.granted)
		var list []struct {
			Missing []string `json:"missing_scopes"`
			Consent *string  `json:"consent_path"`
		}
		s.Call(http.MethodGet, "/api/v1/users/"+user.String()+"/connections", "", 200, &list)
		if len(list) != 1 || list[0].Missing == nil || !slices.Equal(list[0].Missing, test.missing) {
			t.Errorf("%s: got %+v", name, list)
			continue
		}
		want := "/api/v1/oauth/google_health/authorize?user_id=" + user.String()
		if c := list[0].Consent; (c != nil) != (len(test.missing) > 0) || c != nil && *c != want {
			t.Errorf("%s: the person is asked again at %v", name, c)
		}
	}
}
