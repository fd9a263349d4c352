package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/visitor"
)

// childCloud is the first argument of the process that is a simulated cloud, its
// provider the second. It is a process of its own, so that its CPU time is not the
// product's.
const childCloud = "cloud"

// longHistories are the people of a cloud.
func longHistories(of longHistory) ([]*simulator.Person, error) {
	count := usualPeople
	if of.busiest {
		count++
	}
	var people []*simulator.Person
	for i := range count {
		style := []simulator.Style{simulator.StyleRunner, simulator.StyleRider, simulator.StyleGym, simulator.StyleWalker}[i%4]
		p, err := simulator.NewPerson(int64(i), fmt.Sprintf("history%d", i), "Europe/Berlin", simulator.Options{Style: style, Since: time.Now().AddDate(-of.years, 0, 0)})
		if err != nil {
			return nil, err
		}
		people = append(people, p)
	}
	return people, nil
}

// startCloud runs this program once more, as the cloud. It ends when life is closed.
// Its CPU time counts as that of clients, who take no part.
func (s *stores) startCloud(of longHistory) (url string, life io.Closer, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	child := exec.Command(self, childCloud, of.provider) //nolint:noctx // it ends when its standard input does
	child.Stderr = os.Stderr
	if life, err = child.StdinPipe(); err != nil {
		return "", nil, err
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := child.Start(); err != nil {
		return "", nil, err
	}
	s.clients = child.Process.Pid
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return "", nil, fmt.Errorf("start the simulated cloud: %w", err)
	}
	return strings.TrimSpace(line), life, nil
}

// runCloud is the process that startCloud starts.
func runCloud(context.Context) error {
	of := allHistories()[os.Args[2]]
	people, err := longHistories(of)
	if err != nil {
		return err
	}
	handler, err := of.cloud(people)
	if err != nil {
		return err
	}
	site := httptest.NewServer(handler)
	defer site.Close()
	fmt.Println(site.URL)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// connectorTo is the real connector, for the cloud at an address.
func connectorTo(of longHistory, address string) *provider.Connector {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one
	transport.MaxIdleConnsPerHost = backfillWorkers
	return of.connector(address, &http.Client{Transport: transport, Timeout: 30 * time.Second})
}

// consents are access tokens of people, who give their consent as in a browser.
func consents(ctx context.Context, of longHistory, c *provider.Connector, people []*simulator.Person) ([]string, error) {
	challenge := sha256.Sum256([]byte(bareVerifier))
	var tokens []string
	for _, p := range people {
		back, err := visitor.Decide(ctx, http.DefaultClient, c.Authorizer.AuthorizeURL(provider.AuthorizeRequest{
			RedirectURI: callbackURL(), State: "bench", CodeChallenge: base64.RawURLEncoding.EncodeToString(challenge[:]), Scopes: c.DefaultScopes,
		}), visitor.Decision{AccountID: of.account(p)})
		if err != nil {
			return nil, err
		}
		grant, err := c.Authorizer.Exchange(ctx, provider.Secret(back.Query().Get("code")), bareVerifier, callbackURL())
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, grant.AccessToken.Reveal())
	}
	return tokens, nil
}
