package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider"
)

const (
	patience = 15 * time.Second
	// clockLimit is how wrong our clock may be: tokens live for an hour, and are
	// refreshed a minute before their end.
	clockLimit = 30 * time.Second
)

// addresses asks each address of the provider. Any answer will do, since none of
// them takes a bare GET; what counts is that it is reached.
func (e *check) addresses() {
	asked := map[string]bool{}
	for _, s := range e.entry.Settings {
		a := e.Settings.Text(s.Name)
		u, err := url.Parse(a)
		if s.Kind != provider.ValueURL || a == "" || err != nil || asked[u.Host] {
			continue
		}
		asked[u.Host] = true
		answer, err := e.ask(http.MethodGet, u.Scheme+"://"+u.Host+"/", "", nil)
		if err != nil {
			e.say(StateFail, u.Host+" cannot be reached: "+err.Error(), "Check DNS, the proxy and the firewall of this machine.")
			continue
		}
		e.say(StateOK, fmt.Sprintf("%s answers (HTTP %d).", u.Host, answer.status), "")
		e.clock(u.Host, answer)
	}
}

// clock compares ours with that of an answer.
func (e *check) clock(host string, a answer) {
	theirs, err := http.ParseTime(a.header.Get("Date"))
	if err != nil {
		return
	}
	if d := e.Now().Sub(theirs).Abs(); d > clockLimit+time.Second { // Date counts whole seconds
		e.say(StateWarn, fmt.Sprintf("The clock of this machine differs from that of %s by %v.", host, d.Round(time.Second)), "Synchronize it: ends of tokens and limits are reckoned by it.")
	}
}

// gateway asks whether ours answers where the provider sends people, and takes
// notifications where it can have them.
func (e *check) gateway() {
	u, err := url.Parse(e.redirectURI)
	if err != nil || u.Host == "" {
		return
	}
	origin := u.Scheme + "://" + u.Host
	if answer, err := e.ask(http.MethodGet, origin+"/healthz", "", nil); err != nil || answer.status != http.StatusOK {
		e.say(StateWarn, "No gateway answers at "+origin+": people who consent would not come back.", "Start `stridelog serve`, or correct "+e.variable(provider.SettingRedirectURI)+"; from inside a network this may be a router's doing.")
		return
	}
	e.say(StateOK, "The gateway answers at "+origin+".", "")
	e.notifications(origin)
}

// notifications does with our gateway what the provider does before it registers an
// address: once with the secret, once without.
func (e *check) notifications(origin string) {
	if !e.hasNotifications() {
		return
	}
	secret := e.variable(provider.SettingNotificationSecret)
	if e.Settings[provider.SettingNotificationSecret] == "" {
		e.say(StateNote, "Notifications are off; polling alone finds every change, only later.", "With an address that the internet reaches: set "+secret+" and register it, as "+e.entry.Document+" shows.")
		return
	}
	address := origin + "/api/v1/providers/" + e.connector.Name + "/notifications"
	const handshake = `{"type":"verification"}`
	without, err := e.ask(http.MethodPost, address, handshake, nil)
	if err != nil || without.status != http.StatusUnauthorized {
		e.say(StateFail, "A notification without the secret is not refused with 401 at "+address+": "+outcome(without, err), "Give the gateway the same "+secret+", and start it again.")
		return
	}
	with, err := e.ask(http.MethodPost, address, handshake, http.Header{"Authorization": {e.Settings.Text(provider.SettingNotificationSecret)}})
	if err != nil || with.status != http.StatusCreated {
		e.say(StateFail, "The gateway does not accept the notification secret of this environment: "+outcome(with, err), "Give both the same "+secret+", and start the gateway again.")
		return
	}
	e.say(StateOK, "Notifications are taken at "+address+".", "")
	if !strings.HasPrefix(origin, "https://") {
		e.say(StateWarn, "The provider sends notifications to HTTPS addresses only.", "Serve the gateway behind HTTPS.")
	}
}

func outcome(a answer, err error) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("HTTP %d", a.status)
}

// answer is what an address said; its body does not matter.
type answer struct {
	status int
	header http.Header
}

// ask sends a request and reads the answer away. Redirects are answers, too.
func (e *check) ask(method, address, body string, header http.Header) (answer, error) {
	ctx, cancel := context.WithTimeout(e.ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader([]byte(body)))
	if err != nil {
		return answer{}, err
	}
	if header != nil {
		request.Header = header
	}
	client := *e.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(request)
	if err != nil {
		var outer *url.Error // its text has the address once more
		if errors.As(err, &outer) {
			err = outer.Err
		}
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	return answer{response.StatusCode, response.Header}, err
}
