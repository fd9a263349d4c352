// Package doctor looks at how a provider is set up: what to register with it, what
// its operator must know, and whether it answers as it should. It works without
// credentials, and never shows one.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/catalog"
)

// State says how a line is meant.
type State string

// The states. Only StateFail means that something does not work.
const (
	StateOK   State = "ok"
	StateNote State = "note" // to know, or to do elsewhere
	StateWarn State = "warn" // may stand in the way, or works with less than there could be
	StateFail State = "fail"
)

// Line is one finding and what to do about it.
type Line struct {
	State    State
	Says, Do string
}

// Provider is one provider as it is configured here.
type Provider struct {
	Settings provider.Values
	// HTTP asks addresses; nil is a client of our own.
	HTTP *http.Client
	Now  func() time.Time
}

// Check looks at a provider by name. It fails for one that is not known.
func (p Provider) Check(ctx context.Context, name string) ([]Line, error) {
	entry, known := catalog.Find(name)
	if !known {
		return nil, fmt.Errorf("there is no provider %q", name)
	}
	connector := entry.New(p.Settings, nil)
	if p.HTTP == nil {
		p.HTTP = &http.Client{}
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	e := check{Provider: p, entry: entry, connector: connector, redirectURI: p.Settings.Text(provider.SettingRedirectURI), ctx: ctx}
	e.register()
	for _, h := range connector.Hints {
		e.say(StateWarn, h.Says, h.Do)
	}
	if len(connector.Hints) == 0 && connector.Notice != "" {
		e.say(StateWarn, connector.Notice, "")
	}
	e.addresses()
	e.credentials()
	e.gateway()
	return e.lines, nil
}

// Failed says whether a line means that something does not work.
func Failed(lines []Line) bool {
	for _, l := range lines {
		if l.State == StateFail {
			return true
		}
	}
	return false
}

// Print writes lines for people.
func Print(w io.Writer, name string, lines []Line) {
	fmt.Fprintln(w, name)
	for _, l := range lines {
		fmt.Fprintf(w, "  %-4s  %s\n", l.State, strings.ReplaceAll(l.Says, "\n", "\n        "))
		if l.Do != "" {
			fmt.Fprintf(w, "        -> %s\n", l.Do)
		}
	}
}

// check collects the lines about one provider.
type check struct {
	Provider
	entry       provider.Registration
	connector   *provider.Connector
	redirectURI string
	ctx         context.Context
	lines       []Line
}

func (e *check) say(s State, says, do string) {
	e.lines = append(e.lines, Line{s, says, do})
}

// variable is the environment variable of a setting.
func (e *check) variable(setting string) string {
	return provider.Variable(e.connector.Name, setting)
}

// register says what to enter at the provider, byte for byte.
func (e *check) register() {
	e.say(StateNote, "Redirect URI to register, exactly:\n"+e.redirectURI, "Another one is set with "+e.variable(provider.SettingRedirectURI)+".")
	e.say(StateNote, "Scopes to register, and asked for:\n"+strings.Join(e.connector.DefaultScopes, "\n"), "Others are set with "+e.variable(provider.SettingScopes)+".")
	if missing := e.connector.Needs.Barring(e.connector.DefaultScopes); len(missing) > 0 {
		e.say(StateFail, "Without "+strings.Join(missing, ", ")+" nothing can be read.", "Add it to "+e.variable(provider.SettingScopes)+".")
	}
	u, err := url.Parse(e.redirectURI)
	path := "/api/v1/oauth/" + e.connector.Name + "/callback"
	switch {
	case err != nil || u.Host == "":
		e.say(StateFail, "The redirect URI is not absolute.", "Set "+e.variable(provider.SettingRedirectURI)+" to https://your-host"+path+".")
	case u.Scheme != "https" && !loopback(u.Hostname()):
		e.say(StateFail, "The redirect URI is neither HTTPS nor on this machine; providers refuse it.", "Serve the gateway behind HTTPS and set "+e.variable(provider.SettingRedirectURI)+".")
	case !strings.HasSuffix(u.Path, path):
		e.say(StateWarn, "The redirect URI does not end in "+path+", where the gateway listens.", "Correct it, unless a proxy in front of the gateway rewrites it.")
	}
}

// loopback says whether a host is this machine for a browser.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// credentials tries the client id and secret with a refresh token that cannot exist.
// A provider that knows the client refuses the token; one that does not, the client.
func (e *check) credentials() {
	id, secret := e.variable(provider.SettingClientID), e.variable(provider.SettingClientSecret)
	if !e.entry.Enabled(e.Settings) {
		e.say(StateWarn, "There is no client id and secret: the provider is disabled.", "Register an OAuth client of type web application there, and set "+id+" and "+secret+" (or "+secret+"_FILE).")
		return
	}
	_, err := e.connector.Authorizer.Refresh(e.ctx, "stridelog-doctor-has-no-refresh-token")
	var failure *provider.Error
	errors.As(err, &failure)
	switch {
	case err == nil:
		e.say(StateFail, "The token endpoint gave a token for a refresh token that does not exist: it is not the provider's.", "Check the addresses of "+e.variable("")+".")
	case failure != nil && failure.Class == provider.ClassInvalidGrant:
		e.say(StateOK, "The provider knows the client id and accepts the secret.", "")
	case failure != nil && failure.Class == provider.ClassInvalidClient:
		e.say(StateFail, "The provider does not accept the client id and secret.", "Copy both again from its console into "+id+" and "+secret+"; check for a blank or a line end.")
	default:
		e.say(StateFail, "Whether the client id and secret are right is not known: "+err.Error(), "Try again later; if it stays so, look at the addresses above.")
	}
}

// hasNotifications says whether the provider tells of changes on its own.
func (e *check) hasNotifications() bool {
	return slices.Contains(e.connector.Capabilities, provider.CapabilityNotifications)
}
