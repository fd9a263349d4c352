package googlehealth

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/httpcall"
)

const (
	opSubscribe      = "register the subscriber"
	subscribeTimeout = 90 * time.Second // Google tests the address before it answers
)

// Project is a Cloud project with a token of its own, of the scope cloud-platform:
// a person's tokens cannot manage subscribers, and Health refuses this one to read
// people's data (section 6).
type Project struct {
	Number     string // digits; the project's id is refused
	Token      provider.Secret
	APIBaseURL string       // empty: Google's
	HTTPClient *http.Client // nil: a client of our own
}

// Subscriber is where a project's notifications go.
type Subscriber struct {
	ID       string // SubscriberID says how it looks
	Endpoint string // https, reachable from the internet
	Secret   provider.Secret
}

// The forms that Google wants of a project's number and a subscriber's id.
var (
	projectNumber = regexp.MustCompile(`^[0-9]{1,20}$`)
	subscriberID  = regexp.MustCompile(`^[a-z]([a-z0-9-]{2,34}[a-z0-9])$`)
)

// ProjectNumber says whether a text can be a project's number.
func ProjectNumber(text string) bool { return projectNumber.MatchString(text) }

// SubscriberID says whether a text can be a subscriber's id: 4 to 36 of a-z, 0-9 and
// "-", begun with a letter.
func SubscriberID(text string) bool { return subscriberID.MatchString(text) }

// Subscribe has Google tell of exercises of everybody who consented, and changes the
// subscriber when there is one of its id. Google first tests the endpoint, with the
// secret and without. The state is Google's word, ACTIVE when it will be told; an
// error is a *provider.Error, as everywhere in this package.
func (p Project) Subscribe(ctx context.Context, s Subscriber) (state string, err error) {
	body := subscriberBody{Endpoint: s.Endpoint, Configs: []subscriberConfig{{DataTypes: []string{typeExercise}, Policy: "AUTOMATIC"}}}
	body.Authorization.Secret = s.Secret.Reveal()
	text, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, subscribeTimeout)
	defer cancel()
	state, err = p.send(ctx, http.MethodPost, "?"+url.Values{"subscriberId": {s.ID}}.Encode(), text)
	if provider.ClassOf(err) == provider.ClassConflict { // it exists
		mask := url.Values{"updateMask": {"endpointUri,subscriberConfigs,endpointAuthorization"}}
		state, err = p.send(ctx, http.MethodPatch, "/"+s.ID+"?"+mask.Encode(), text)
	}
	return state, err
}

type subscriberBody struct {
	Endpoint      string `json:"endpointUri"`
	Authorization struct {
		Secret string `json:"secret"`
	} `json:"endpointAuthorization"`
	Configs []subscriberConfig `json:"subscriberConfigs"`
}

type subscriberConfig struct {
	DataTypes []string `json:"dataTypes"`
	Policy    string   `json:"subscriptionCreatePolicy"`
}

// send calls the subscribers of the project. The answer is an operation around the
// subscriber, or, as Google's guide shows it, the subscriber alone.
func (p Project) send(ctx context.Context, method, rest string, body []byte) (state string, err error) {
	base := p.APIBaseURL
	if base == "" {
		base = DefaultAPIBaseURL
	}
	address := strings.TrimRight(base, "/") + "/v4/projects/" + p.Number + "/subscribers" + rest
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return "", &provider.Error{Provider: Name, Op: opSubscribe, Class: provider.ClassBadRequest, Reason: httpcall.ReasonBadAddress}
	}
	request.Header.Set("Authorization", "Bearer "+p.Token.Reveal())
	request.Header.Set("Content-Type", "application/json")
	client := httpcall.Client{Provider: Name, HTTP: httpcall.Discreet(p.HTTPClient)}
	answer, err := client.Send(opSubscribe, request, httpcall.MaxAnswer)
	if err != nil {
		return "", err
	}
	if answer.Status != http.StatusOK {
		return "", failure(opSubscribe, answer, time.Now())
	}
	var said struct {
		State    string `json:"state"`
		Response struct {
			State string `json:"state"`
		} `json:"response"`
	}
	if json.Unmarshal(answer.Body, &said) != nil {
		return "", invalid(opSubscribe, httpcall.ReasonNotJSON)
	}
	if said.State == "" {
		said.State = said.Response.State
	}
	return said.State, nil
}
