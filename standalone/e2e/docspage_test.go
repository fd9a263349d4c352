package e2e

import (
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	permission "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// documented is what the tests of the page take from the OpenAPI document.
type documented struct {
	Tags  []struct{ Name string }
	Paths map[string]map[string]any
}

func TestTheDocumentationPageShowsEveryRoute(t *testing.T) {
	c := newWorld(t).start(t).Client
	var spec documented
	resp, err := http.Get(c.BaseURL + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := decode(resp.Body, &spec); err != nil {
		t.Fatal(err)
	}
	if len(spec.Paths) < 15 {
		t.Fatalf("the specification has only %d paths", len(spec.Paths))
	}
	ctx, faults := browser(t, nil)
	var text string
	var groups []string
	err = chromedp.Run(ctx, chromedp.Navigate(c.BaseURL+"/docs"),
		chromedp.Text("body", &text, chromedp.ByQuery),
		chromedp.Evaluate(`[...document.querySelectorAll("main h2")].map((h) => h.textContent)`, &groups))
	if err != nil {
		t.Fatal(err)
	}
	for path := range spec.Paths {
		if !strings.Contains(text, path) {
			t.Errorf("the page does not show %s", path)
		}
	}
	var tags []string
	for _, tag := range spec.Tags {
		tags = append(tags, tag.Name)
	}
	if !slices.Equal(groups, tags) {
		t.Errorf("the page has the groups %q, want the tags of the document in their order, %q", groups, tags)
	}
	for _, fault := range faults() {
		t.Error("in the browser:", fault)
	}
}

// TestAReaderSearchesOpensAndCopies does on the page what its reader does: types a word,
// opens what is left, says their key and user, and pastes the command that they copied.
func TestAReaderSearchesOpensAndCopies(t *testing.T) {
	c := newWorld(t).start(t).Client
	user := newUser(t, c, "reader")
	ctx, faults := browser(t, nil)
	const left = `[...document.querySelectorAll("main section > details")].filter((e) => e.checkVisibility()).map((e) => e.id)`
	evaluate := func(script string, result any) {
		t.Helper()
		if err := chromedp.Run(ctx, chromedp.Evaluate(script, result)); err != nil {
			t.Fatalf("%s: %v", script, err)
		}
	}
	search := func(words string) (ids []string) {
		t.Helper()
		err := chromedp.Run(ctx, chromedp.Evaluate(`document.getElementById("search").value = ""`, nil),
			chromedp.SendKeys("#search", words, chromedp.ByQuery), chromedp.Evaluate(left, &ids))
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	allowed := permission.GrantPermissions([]permission.PermissionType{permission.PermissionTypeClipboardReadWrite, permission.PermissionTypeClipboardSanitizedWrite})
	if err := chromedp.Run(ctx, allowed, chromedp.Navigate(c.BaseURL+"/docs")); err != nil {
		t.Fatal(err)
	}
	var all []string
	evaluate(left, &all)
	if got := search("messages_left"); !slices.Equal(got, []string{"deleteUser", "getErasure"}) {
		t.Errorf("a member of erasures is in %q of %d", got, len(all))
	}
	if got := search("no-such-word"); len(got) > 0 {
		t.Errorf("what nothing has is in %q", got)
	}
	var said string
	evaluate(`document.getElementById("found").textContent`, &said)
	if said != "No operations have this." {
		t.Errorf("the page says %q", said)
	}
	// Several words in any order and case, one of them corrected.
	got := search("Workouts GETs" + kb.Backspace + " local_date")
	if len(got) < 2 || len(got) > len(all)/2 || !slices.Contains(got, "listWorkouts") {
		t.Errorf("of %d operations these get workouts with local_date: %q", len(all), got)
	}

	var copied, answer string
	err := chromedp.Run(ctx,
		chromedp.SendKeys("#key", c.Key, chromedp.ByQuery),
		chromedp.SendKeys("#user_id", user.ID, chromedp.ByQuery),
		chromedp.Click("#listWorkouts > summary", chromedp.ByQuery),
		chromedp.Click("#listWorkouts .use .copied:has(+ pre.curl) button", chromedp.ByQuery),
		chromedp.Poll(`document.querySelector("#listWorkouts .copied button").textContent === "Copied"`, nil),
		chromedp.Evaluate(`navigator.clipboard.readText()`, &copied, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
		chromedp.Text("#listWorkouts pre.answer", &answer, chromedp.ByQuery),
	)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("curl -X GET -H 'Authorization: Bearer %s' '%s/api/v1/users/%s/events/workouts'", c.Key, c.BaseURL, user.ID)
	if copied != want {
		t.Errorf("the clipboard has\n%s\nwant\n%s", copied, want)
	}
	if out, err := exec.CommandContext(t.Context(), "bash", "-c", copied).Output(); err != nil || !strings.Contains(string(out), `"data":[]`) {
		t.Errorf("the copied command prints %s: %v", out, err)
	}
	if !strings.Contains(answer, `"local_date": "`) {
		t.Errorf("the example beside it is %s", answer)
	}
	var colours []string
	evaluate(`["GET", "POST", "PATCH", "DELETE"].map((m) => getComputedStyle(document.querySelector(".method." + m)).color)`, &colours)
	slices.Sort(colours)
	if len(slices.Compact(colours)) != 4 {
		t.Errorf("methods have the colours %q", colours)
	}
	for _, fault := range faults() {
		t.Error("in the browser:", fault)
	}
}

// TestTheDocumentationPageFitsAndCanBeRead looks at the page, closed and with each of
// some operations open, at the widths of a desk and of a phone, light and dark.
func TestTheDocumentationPageFitsAndCanBeRead(t *testing.T) {
	c := newWorld(t).start(t).Client
	ctx, faults := browser(t, nil)
	for _, open := range []string{"", "createUser", "startImport", "listWorkouts"} {
		address := c.BaseURL + "/docs"
		if open != "" {
			address += "#" + open
		}
		for _, fault := range layoutFaults(t, ctx, "docs-"+open, address) {
			t.Error(fault)
		}
		var opened []string
		if err := chromedp.Run(ctx, chromedp.Evaluate(`[...document.querySelectorAll("main section > details[open]")].map((e) => e.id)`, &opened)); err != nil {
			t.Fatal(err)
		}
		if open != "" && !slices.Contains(opened, open) {
			t.Errorf("%s opens %q", address, opened)
		}
	}
	for _, fault := range faults() {
		t.Error("in the browser:", fault)
	}
}
