package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// screenshotsEnv names a folder that the pages' pictures go to, for people to look at.
const screenshotsEnv = "STRIDELOG_SCREENSHOTS"

// layoutFaults opens an address at the widths of a desk and of a phone, light and dark,
// and says what is wrong with each: what does not fit, what can hardly be read, and what
// has no name.
func layoutFaults(t *testing.T, ctx context.Context, page, address string) (faults []string) {
	t.Helper()
	script, err := os.ReadFile("testdata/layout.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, width := range []int64{1280, 390} {
		for _, scheme := range []string{"light", "dark"} {
			var found []string
			err := chromedp.Run(ctx,
				chromedp.EmulateViewport(width, 844),
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
				chromedp.Navigate(address),
				chromedp.Evaluate(fmt.Sprintf("(%s)(%t)", script, scheme == "dark"), &found),
			)
			if err != nil {
				t.Fatalf("%s at %d px, %s: %v", page, width, scheme, err)
			}
			for _, fault := range found {
				faults = append(faults, fmt.Sprintf("%s at %d px, %s: %s", page, width, scheme, fault))
			}
			keepScreenshot(t, ctx, fmt.Sprintf("%s-%d-%s.png", page, width, scheme))
		}
	}
	return faults
}

func keepScreenshot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv(screenshotsEnv)
	if dir == "" {
		return
	}
	var picture []byte
	err := chromedp.Run(ctx, chromedp.FullScreenshot(&picture, 100))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name), picture, 0o600)
	}
	if err != nil {
		t.Fatalf("keep the picture %s: %v", name, err)
	}
}

// The controls: each fault that the check looks for is found where it is planted, and a
// page without one passes.
func TestTheCheckOfLayoutsFindsWhatIsPlanted(t *testing.T) {
	ctx, _ := browser(t, nil)
	const head = `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>t</title><style>:root{color-scheme:light dark;}body{background:Canvas;color:CanvasText}`
	show := func(body string) string {
		return "data:text/html," + url.PathEscape(body)
	}
	for fault, body := range map[string]string{
		"px wide in a window of 390": head + `</style><p style="width:800px">wide`,
		"beyond main":                head + `main{width:200px;border:1px solid}p{width:250px}</style><main><p>out`,
		"beyond fieldset":            head + `main{border:1px solid}form{width:200px}</style><main><fieldset style="width:100px;min-width:0"><label style="display:block;white-space:nowrap">a-long-word-that-does-not-break`,
		"a contrast of":              head + `p{color:#888}</style><p>pale`,
		"light in the dark":          head + `body{background:#fff;color:#000}</style><p>white`,
		"dark in the light":          head + `body{background:#000;color:#fff}</style><p>black`,
		"input text has no name":     head + `</style><input type="text">`,
		"cannot be reached by key":   head + `</style><button tabindex="-1">press`,
		"no language":                `<!doctype html><title>t</title><p>x`,
		"no title":                   `<!doctype html><html lang="en"><p>x`,
	} {
		if found := strings.Join(layoutFaults(t, ctx, "planted", show(body)), "\n"); !strings.Contains(found, fault) {
			t.Errorf("nothing says %q of %s; it says\n%s", fault, body, found)
		}
	}
	sound := head + `</style><main style="border:1px solid"><label>Name <input type="text"></label><button>press</button><div style="overflow-x:auto"><pre>` + strings.Repeat("long ", 200) + `</pre></div></main>`
	if found := layoutFaults(t, ctx, "sound", show(sound)); len(found) > 0 {
		t.Errorf("a page without a fault has\n%s", strings.Join(found, "\n"))
	}
}
