package redirect_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/services/oauth/internal/redirect"
)

func TestMembersOfTheOutcomeAreRefused(t *testing.T) {
	for query, ok := range map[string]bool{
		"": true, "?": true, "?own=1&state=x&connection=2": true, "?a=status%3Drevoked": true, "?statuses=1": true,
		"?status=active": false, "?own=1&connection_id=2": false, "?st%61tus=": false, "?Status=x": false, "?status%5B%5D=x": false, "?status[0]=x": false,
		"?+status=x": false, "?error": false, "?reason=1": false, "?provider=x": false, "?a=%zz": false, "?a=1;status=2": false,
	} {
		if err := redirect.CheckQuery("https://app.example/back" + query); (err == nil) != ok {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// Whatever passes, the outcome that is put behind it is the only one that anybody reads.
func FuzzCheckQuery(f *testing.F) {
	for _, q := range []string{"own=1", "status=active", "st%61tus=x", "a=1;status=2", "a&&=&b", "%00status=1"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		uri := "https://app.example/back?" + query
		if strings.Contains(query, "#") || redirect.CheckQuery(uri) != nil {
			return
		}
		u, err := url.Parse(uri + "&status=ours")
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Query()["status"]; len(got) != 1 || got[0] != "ours" {
			t.Errorf("%q with the outcome reads %q", query, got)
		}
	})
}
