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

// Members stand in the order in which an answer has them, and groups in that of the tags.
func TestThePageKeepsTheOrderOfTheDocument(t *testing.T) {
	page, err := docs.Page(api.Document())
	if err != nil {
		t.Fatal(err)
	}
	text, at := html.UnescapeString(string(page)), 0
	for _, part := range []string{
		`<section id="tag-users">`, `<details id="listUsers">`, `<code>items[].id</code>`, `<code>items[].external_user_id</code>`, `<code>total</code>`,
		`<section id="tag-connections">`, `<section id="tag-workouts">`, `<section id="tag-dead-letters">`, `<section id="tag-operations">`,
	} {
		i := strings.Index(text[at:], part)
		if i < 0 {
			t.Fatalf("the page lacks %s behind what comes before it", part)
		}
		at += i
	}
}

// A document whose operations would not all be shown is refused.
func TestAnOperationWithoutAListedTagIsRefused(t *testing.T) {
	for tags, want := range map[string]string{`[]`: "has no tag", `["other"]`: `does not describe its tag "other"`} {
		_, err := docs.Page([]byte(`{"tags": [{"name": "users"}], "paths": {"/x": {"get": {"operationId": "x", "security": [], "tags": ` + tags + `, "responses": {}}}}}`))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("tags %s: %v, want %q", tags, err, want)
		}
	}
}
