package e2e

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
	"github.com/stridelog/stridelog/standalone/internal/installation"
)

// TestEveryPageOfAConsentFitsAndCanBeRead looks at each page that a person can come by on
// the way to a connection, at the widths of a desk and of a phone, light and dark.
func TestEveryPageOfAConsentFitsAndCanBeRead(t *testing.T) {
	w := newWorld(t)
	c := w.start(t).Client
	user, err := c.EnsureUser(deadline(t), "a person who looks")
	if err != nil {
		t.Fatal(err)
	}
	consent, err := c.Start(deadline(t), user.ID, "fitbit", "")
	if err != nil {
		t.Fatal(err)
	}
	fitbitCloud, _, _ := strings.Cut(consent, "/oauth2/")
	google, err := googlehealth.New(googlehealth.Options{ClientID: "CLIENT", ClientSecret: "a-client-secret", RedirectURIs: []string{installation.CallbackURL("google_health")}, People: w.people})
	if err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(google.Handler())
	t.Cleanup(site.Close)
	asked := url.Values{
		"client_id": {"CLIENT"}, "redirect_uri": {installation.CallbackURL("google_health")}, "response_type": {"code"}, "access_type": {"offline"}, "prompt": {"consent"}, "state": {strings.Repeat("s", 43)},
		"scope": {"openid " + googlehealth.ScopePrefix + "activity_and_fitness.readonly " + googlehealth.ScopePrefix + "health_metrics_and_measurements.readonly " +
			googlehealth.ScopePrefix + "location.readonly " + googlehealth.ScopePrefix + "settings.readonly " + googlehealth.ScopePrefix + "reproductive_health.writeonly"},
	}
	ctx, faults := browser(t, nil)
	for name, address := range map[string]string{
		"fitbit-consent":    consent,
		"fitbit-refusal":    fitbitCloud + "/oauth2/authorize?client_id=NOBODY",
		"fitbit-home":       fitbitCloud + "/",
		"google-consent":    site.URL + "/o/oauth2/v2/auth?" + asked.Encode(),
		"google-refusal":    site.URL + "/o/oauth2/v2/auth?client_id=NOBODY",
		"google-home":       site.URL + "/",
		"callback-old":      c.BaseURL + "/api/v1/oauth/fitbit/callback?code=old&state=old",
		"callback-empty":    c.BaseURL + "/api/v1/oauth/fitbit/callback",
		"callback-unknown":  c.BaseURL + "/api/v1/oauth/nobody/callback?code=old&state=old",
		"connected":         c.BaseURL + "/connected?provider=fitbit&status=active",
		"connected-refused": c.BaseURL + "/connected?provider=google_health&error=access_denied",
		"connected-failed":  c.BaseURL + "/connected?provider=google_health&error=account_not_linked&reason=invalid_grant",
		"connected-nothing": c.BaseURL + "/connected",
	} {
		for _, fault := range layoutFaults(t, ctx, name, address) {
			t.Error(fault)
		}
	}
	for _, fault := range faults() {
		t.Error("in the browser:", fault)
	}
}

// TestAPersonConsentsByKeyboardAndIsToldTheOutcome goes from the link to our own page
// without a mouse, and finds the link used up when it is opened again.
func TestAPersonConsentsByKeyboardAndIsToldTheOutcome(t *testing.T) {
	w := newWorld(t)
	c := w.start(t).Client
	user, err := c.EnsureUser(deadline(t), "a person with a keyboard")
	if err != nil {
		t.Fatal(err)
	}
	start, err := c.Start(deadline(t), user.ID, "fitbit", "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, faults := browser(t, map[string]string{"stridelog.test": c.BaseURL})
	if err := chromedp.Run(ctx, chromedp.Navigate(start), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.ArrowDown)); err != nil {
		t.Fatal(err)
	}
	// The people are one stop; each scope is one, and then comes the button.
	var focused string
	for range 20 {
		err := chromedp.Run(ctx, chromedp.KeyEvent(kb.Tab), chromedp.Evaluate("document.activeElement.textContent", &focused))
		if err != nil {
			t.Fatal(err)
		}
		if focused == "Allow" {
			break
		}
	}
	if focused != "Allow" {
		t.Fatalf("the button that allows is not among the first 20 stops; the last is %q", focused)
	}
	var title, address string
	err = chromedp.Run(ctx,
		chromedp.KeyEvent(kb.Enter),
		chromedp.WaitReady(`h1.good`, chromedp.ByQuery),
		chromedp.Title(&title), chromedp.Location(&address),
	)
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(address)
	if err != nil || at.Path != "/connected" || title != "Your Fitbit account is connected" {
		t.Errorf("the person ends at %s, %q: %v", address, title, err)
	}
	w.awaitSome(t, c, user)
	if n := w.cloud.Grants(w.people[1].AccountID()); n != 1 {
		t.Errorf("the person chosen by key has %d grants", n)
	}
	// Back on the provider's page they allow it once more.
	err = chromedp.Run(ctx,
		chromedp.Navigate(start), chromedp.Click(`button[value="allow"]`, chromedp.ByQuery),
		chromedp.WaitReady(`h1.bad`, chromedp.ByQuery), chromedp.Title(&title),
	)
	if err != nil {
		t.Fatal(err)
	}
	if title != "This link cannot be used any more" {
		t.Errorf("the used link shows %q", title)
	}
	for _, fault := range faults() {
		t.Error("in the browser:", fault)
	}
}
