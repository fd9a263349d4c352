package docs_test

import (
	"html"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/services/gateway/internal/api"
	"github.com/stridelog/stridelog/services/gateway/internal/docs"
)

// The page says what an answer holds, through references, lists and choices,
// and its curl lines have the query without which a route refuses.
func TestThePageShowsMembersAndWholeCalls(t *testing.T) {
	page, err := docs.Page(api.Document())
	if err != nil {
		t.Fatal(err)
	}
	text := html.UnescapeString(string(page))
	for _, part := range []string{
		"<code>data[].local_date</code></td><td>string or null, date</td>",
		"<code>data[].source.device_name</code>",
		"<code>data[].heart_rate_zones[].min_bpm</code>",
		"<code>details</code>",
		"<code>[].next_action</code>",
		"<code>receipt.user_sha256</code>",
		"One of queued, running, deferred, success, partial, failed.",
		"/api/v1/oauth/{provider}/authorize?user_id={user_id}\"",
		"/api/v1/oauth/{provider}/callback?state={state}",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
}
