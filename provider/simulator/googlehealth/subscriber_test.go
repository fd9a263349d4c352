package googlehealth_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/provider/simulator/apptest"
)

func TestTheHandshake(t *testing.T) {
	a, h := newApp(t, nil), newHook(t)
	got := a.subscriber("my-sub-1", h.server.URL+"/hook", hookSecret)
	var operation struct {
		Done     bool
		Response struct{ Name, State, EndpointURI string }
	}
	if err := json.Unmarshal([]byte(got.Body), &operation); err != nil || !operation.Done || operation.Response.State != "ACTIVE" || operation.Response.Name != "projects/123456789012/subscribers/my-sub-1" || strings.Contains(got.Body, hookSecret) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	shaken := h.take()
	if len(shaken) != 2 || shaken[0].header.Get("Authorization") != hookSecret || shaken[1].header.Get("Authorization") != "" {
		t.Fatalf("shaken %+v", shaken)
	}
	for _, r := range shaken {
		if r.body != `{"type":"verification"}` || r.header.Get("User-Agent") != "Google-Health-API-Webhooks" {
			t.Errorf("shaken with %s by %s", r.body, r.header.Get("User-Agent"))
		}
	}
	a.wantProblem(a.subscriber("my-sub-1", h.server.URL, hookSecret), 409, "ALREADY_EXISTS", "")
	for name, answers := range map[string][2]int{"refuses": {401, 401}, "takes all": {201, 201}, "answers 204": {204, 401}, "breaks": {500, 500}} {
		h.setAnswer(func(r *http.Request, _ string) int {
			if r.Header.Get("Authorization") == hookSecret {
				return answers[0]
			}
			return answers[1]
		})
		if got := a.subscriber("my-sub-2", h.server.URL, hookSecret); got.Status != 400 || !strings.Contains(got.Body, "FAILED_PRECONDITION") {
			t.Errorf("an endpoint that %s: %d %s", name, got.Status, got.Body)
		}
	}
	h.setAnswer(func(r *http.Request, _ string) int {
		return map[bool]int{true: 200, false: 403}[r.Header.Get("Authorization") == hookSecret]
	})
	if got := a.subscriber("my-sub-2", h.server.URL, hookSecret); got.Status != 200 {
		t.Errorf("200 and 403: %d %s", got.Status, got.Body)
	}
}

func TestSubscribersAreManaged(t *testing.T) {
	a, h := subscribed(t, nil)
	token := a.cloud.ProjectToken()
	good := `{"endpointUri":"` + h.server.URL + `","endpointAuthorization":{"secret":"x"},"subscriberConfigs":[{"dataTypes":["exercise"],"subscriptionCreatePolicy":"AUTOMATIC"}]}`
	for name, c := range map[string]struct{ path, body string }{
		"a bad id":   {subscribers + "?subscriberId=X", good},
		"no id":      {subscribers, good},
		"plain HTTP": {subscribers + "?subscriberId=other", strings.Replace(good, h.server.URL, "http://example.org/", 1)},
		"no secret":  {subscribers + "?subscriberId=other", strings.Replace(good, `"secret":"x"`, `"secret":""`, 1)},
		"no types":   {subscribers + "?subscriberId=other", strings.Replace(good, `["exercise"]`, `[]`, 1)},
		"manual":     {subscribers + "?subscriberId=other", strings.Replace(good, `AUTOMATIC`, `MANUAL`, 1)},
		"no JSON":    {subscribers + "?subscriberId=other", "{"},
	} {
		if got := a.Must(a.Request(http.MethodPost, token, c.path, c.body)); got.Status != 400 {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	a.wantProblem(a.get("", subscribers), 401, "UNAUTHENTICATED", "")
	a.wantProblem(a.get(a.connect(0).Access, subscribers), 403, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
	a.wantProblem(a.get(token, "/v4/projects/my-project/subscribers"), 403, "PERMISSION_DENIED", "RESOURCE_PERMISSION_DENIED")
	if got := a.get(token, subscribers); got.Status != 200 || !strings.Contains(got.Body, "my-sub-1") || strings.Contains(got.Body, hookSecret) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	patch := func(mask, body string) apptest.Answer {
		return a.Must(a.Request(http.MethodPatch, token, subscribers+"/my-sub-1?updateMask="+mask, body))
	}
	h.take()
	if got := patch("endpointUri", `{"endpointUri":"`+h.server.URL+`/other"}`); got.Status != 200 || len(h.take()) != 2 {
		t.Errorf("patched: %d %s", got.Status, got.Body)
	}
	if got := patch("endpointAuthorization", `{"endpointAuthorization":{"secret":"not what the endpoint knows"}}`); got.Status != 400 {
		t.Errorf("another secret: %d %s", got.Status, got.Body)
	}
	if got := patch("state", `{}`); got.Status != 400 {
		t.Errorf("another field: %d %s", got.Status, got.Body)
	}
	if got := a.Must(a.Request(http.MethodDelete, token, subscribers+"/my-sub-1?force=true", "")); got.Status != 200 {
		t.Errorf("deleted: %d %s", got.Status, got.Body)
	}
	a.wantProblem(a.Must(a.Request(http.MethodDelete, token, subscribers+"/my-sub-1", "")), 404, "NOT_FOUND", "RESOURCE_NOT_FOUND")
	a.wantProblem(patch("endpointUri", `{}`), 404, "NOT_FOUND", "RESOURCE_NOT_FOUND")
	h.take()
	a.upload(0)
	if accepted, waiting := a.cloud.Deliver(t.Context()); accepted != 0 || waiting != 0 || len(h.take()) != 0 {
		t.Error("a deleted subscriber is told")
	}
}
