package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/stridelog/stridelog/standalone/internal/client"
)

// TestAPersonConsentsInABrowser goes the way of a person: from the app to the
// provider's page, a choice, a click, through our callback, and back to the app.
func TestAPersonConsentsInABrowser(t *testing.T) {
	w := newWorld(t)
	c := w.start(t).Client
	app := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(rw, `<p id="status">%s</p>`, r.URL.Query().Get("status"))
	}))
	t.Cleanup(app.Close)
	user, err := c.EnsureUser(deadline(t), "a person with a browser")
	if err != nil {
		t.Fatal(err)
	}
	start, err := c.Start(deadline(t), user.ID, "fitbit", appURL)
	if err != nil {
		t.Fatal(err)
	}

	person := w.people[1]
	ctx, faults := browser(t, map[string]string{"app.test": app.URL, "stridelog.test": c.BaseURL})
	var status string
	err = chromedp.Run(ctx,
		chromedp.Navigate(start),
		chromedp.Click(`input[name="person"][value="`+person.AccountID()+`"]`, chromedp.ByQuery),
		chromedp.Click(`button[value="allow"]`, chromedp.ByQuery),
		chromedp.Text("#status", &status, chromedp.ByQuery),
	)
	if err != nil {
		t.Fatal(err)
	}
	if status != "active" {
		t.Errorf("the app was told %q", status)
	}
	for _, fault := range faults() {
		t.Error("in the browser:", fault)
	}
	w.awaitSome(t, c, user)
	if n := w.cloud.Grants(person.AccountID()); n != 1 {
		t.Errorf("the chosen person has %d grants", n)
	}
}

// awaitSome waits for the first workout of a user.
func (w *world) awaitSome(t *testing.T, c *client.Client, user client.User) {
	t.Helper()
	ctx := deadline(t)
	for {
		list, err := c.Workouts(ctx, user.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) > 0 {
			return
		}
		wait(t, ctx, "the first workout")
	}
}

// browser starts a headless Chromium that finds the named hosts at the given
// servers and reaches nothing else. faults lists what scripts complained of.
func browser(t *testing.T, hosts map[string]string) (ctx context.Context, faults func() []string) {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatal("no Chromium was found: apt-get install chromium (make test does it on Debian as root), or install Google Chrome")
	}
	var rules []string
	for name, address := range hosts {
		rules = append(rules, "MAP "+name+" "+strings.TrimPrefix(address, "http://"))
	}
	rules = append(rules, "MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1", "EXCLUDE localhost")
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("host-resolver-rules", strings.Join(rules, ",")),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
	)
	allocator, cancel := chromedp.NewExecAllocator(deadline(t), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	seen := make(chan string, 100)
	chromedp.ListenTarget(ctx, func(event any) {
		if e, ok := event.(*runtime.EventExceptionThrown); ok {
			select {
			case seen <- e.ExceptionDetails.Error():
			default:
			}
		}
	})
	return ctx, func() []string {
		var all []string
		for {
			select {
			case f := <-seen:
				all = append(all, f)
			default:
				return all
			}
		}
	}
}
