package googlehealth

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Config is which data types a subscriber is told of.
type Config struct {
	DataTypes []string `json:"dataTypes"`
	Policy    string   `json:"subscriptionCreatePolicy"`
}

// subscriber is an endpoint that notifications go to.
type subscriber struct {
	id, endpoint, secret string
	configs              []Config
	state                string // UNVERIFIED, ACTIVE, INACTIVE
	created, updated     time.Time
}

// subscriberBody is a subscriber as requests and answers have it. The secret is
// never answered.
type subscriberBody struct {
	Name          string         `json:"name,omitempty"`
	EndpointURI   string         `json:"endpointUri"`
	Authorization *authorization `json:"endpointAuthorization,omitempty"`
	Configs       []Config       `json:"subscriberConfigs"`
	State         string         `json:"state,omitempty"`
	Created       string         `json:"createTime,omitempty"`
	Updated       string         `json:"updateTime,omitempty"`
}

type authorization struct {
	Secret string `json:"secret"`
}

var subscriberID = regexp.MustCompile(`^[a-z]([a-z0-9-]{2,34}[a-z0-9])$`)

// projectTokenTTL is how long a token of the project lives.
const projectTokenTTL = time.Hour

// ProjectToken gives an access token of the project itself, as a service account
// has one. It lives an hour and opens the subscribers.
func (c *Cloud) ProjectToken() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	token := "ya29.c." + secret(120)
	c.operators[hashOf(token)] = c.options.Now().Add(projectTokenTTL)
	return token
}

// operator checks a project's token and the project's number in the path.
func (c *Cloud) operator(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		c.mu.Lock()
		expires, known := c.operators[hashOf(token)]
		person, _ := c.consents.byAccess(token)
		now, state := c.options.Now(), c.project
		c.mu.Unlock()
		p, refused := projectProblems()[state]
		switch {
		case person != nil:
			refuse(w, scopeProblem(nil))
		case !known || !now.Before(expires):
			refuse(w, unauthenticated())
		case r.PathValue("project") != c.options.ProjectNumber:
			refuse(w, forbidden("RESOURCE_PERMISSION_DENIED", "The caller may not act for the project "+r.PathValue("project")+": name it by its number."))
		case refused:
			refuse(w, p)
		default:
			handle(w, r)
		}
	}
}

func (c *Cloud) listSubscribers(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := struct {
		Subscribers []subscriberBody `json:"subscribers,omitempty"`
	}{}
	for _, s := range c.subscribers {
		answer.Subscribers = append(answer.Subscribers, c.show(s))
	}
	slices.SortFunc(answer.Subscribers, func(x, y subscriberBody) int { return strings.Compare(x.Name, y.Name) })
	reply(w, answer)
}

func (c *Cloud) createSubscriber(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("subscriberId")
	var body subscriberBody
	if p := readSubscriber(r, &body); p != nil {
		refuse(w, *p)
		return
	}
	if !subscriberID.MatchString(id) {
		refuse(w, invalid("INVALID_ARGUMENT", "The subscriber id is not 4 to 36 of a-z, 0-9 and -, begun with a letter."))
		return
	}
	s := &subscriber{id: id, endpoint: body.EndpointURI, configs: body.Configs, state: "UNVERIFIED"}
	if body.Authorization != nil {
		s.secret = body.Authorization.Secret
	}
	if p := s.check(); p != nil {
		refuse(w, *p)
		return
	}
	c.mu.Lock()
	taken := c.subscribers[id] != nil
	c.mu.Unlock()
	if taken {
		refuse(w, problem{HTTP: http.StatusConflict, Status: "ALREADY_EXISTS", Message: "The subscriber exists already."})
		return
	}
	if p := c.verify(r.Context(), s); p != nil {
		refuse(w, *p)
		return
	}
	c.keep(w, s, true)
}

// patchSubscriber changes what updateMask names, and verifies again.
func (c *Cloud) patchSubscriber(w http.ResponseWriter, r *http.Request) {
	var body subscriberBody
	if p := readSubscriber(r, &body); p != nil {
		refuse(w, *p)
		return
	}
	c.mu.Lock()
	old := c.subscribers[r.PathValue("id")]
	c.mu.Unlock()
	if old == nil {
		refuse(w, notFound())
		return
	}
	s := *old
	for _, field := range strings.Split(r.URL.Query().Get("updateMask"), ",") {
		switch {
		case field == "endpointUri":
			s.endpoint = body.EndpointURI
		case field == "subscriberConfigs":
			s.configs = body.Configs
		case field == "endpointAuthorization" && body.Authorization != nil:
			s.secret = body.Authorization.Secret
		default:
			refuse(w, invalid("INVALID_ARGUMENT", "The update mask names what cannot be changed: "+field))
			return
		}
	}
	p := s.check()
	if p == nil {
		p = c.verify(r.Context(), &s)
	}
	if p != nil {
		refuse(w, *p)
		return
	}
	c.keep(w, &s, false)
}

// keep puts a verified subscriber in force and answers with a finished operation.
func (c *Cloud) keep(w http.ResponseWriter, s *subscriber, created bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.state, s.updated = "ACTIVE", c.options.Now().UTC()
	if created {
		s.created = s.updated
	}
	c.subscribers[s.id] = s
	type response struct {
		Type string `json:"@type"`
		subscriberBody
	}
	reply(w, struct {
		Name     string   `json:"name"`
		Done     bool     `json:"done"`
		Response response `json:"response"`
	}{"operations/" + secret(12), true, response{"type.googleapis.com/google.devicesandservices.health.v4.Subscriber", c.show(s)}})
}

func (c *Cloud) deleteSubscriber(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := r.PathValue("id")
	if c.subscribers[id] == nil {
		refuse(w, notFound())
		return
	}
	delete(c.subscribers, id)
	c.mail.forget(id)
	reply(w, map[string]any{"name": "operations/" + secret(12), "done": true})
}

func (c *Cloud) show(s *subscriber) subscriberBody {
	return subscriberBody{
		Name: "projects/" + c.options.ProjectNumber + "/subscribers/" + s.id, EndpointURI: s.endpoint, Configs: s.configs,
		State: s.state, Created: instant(s.created), Updated: instant(s.updated),
	}
}

func readSubscriber(r *http.Request, body *subscriberBody) *problem {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(body); err != nil {
		p := problem{HTTP: 400, Status: "INVALID_ARGUMENT", Message: "Invalid JSON payload received."}
		return &p
	}
	return nil
}

// check refuses an endpoint that is not HTTPS, but for one on this machine.
func (s *subscriber) check() *problem {
	fault := ""
	u, err := url.Parse(s.endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !onThisMachine(u.Hostname())):
		fault = "The endpoint URI is not HTTPS."
	case s.secret == "":
		fault = "The endpoint authorization has no secret."
	case len(s.configs) == 0:
		fault = "There are no subscriber configs."
	}
	for _, config := range s.configs {
		if len(config.DataTypes) == 0 {
			fault = "A subscriber config names no data types."
		}
		if config.Policy != "AUTOMATIC" { // MANUAL needs subscriptions of single users, which the fake has not
			fault = "The subscription create policy is not AUTOMATIC: " + config.Policy
		}
	}
	if fault == "" {
		return nil
	}
	p := invalid("INVALID_ARGUMENT", fault)
	return &p
}

func onThisMachine(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
