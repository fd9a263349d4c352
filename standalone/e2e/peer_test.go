package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
	"github.com/stridelog/stridelog/standalone/internal/peer"
)

// TestRequestsOfOpenWearables sends what clients of Open Wearables send, with their key
// header, and compares the answers with what docs/from-open-wearables.md says of them.
func TestRequestsOfOpenWearables(t *testing.T) {
	w := newGoogleWorld(t, googlehealth.Options{}, nil)
	account := googlehealth.HealthUserID(w.people[1]) // who rides
	user := w.settled(deadline(t), t, "somebody", account)
	c := peerClient{base: w.in.Client.BaseURL, key: w.in.Client.Key}
	t.Run("tools of its MCP server", func(t *testing.T) { checkTools(t, c, w, user.ID) })

	day := time.Now().UTC().Truncate(24 * time.Hour)
	from, to := day.AddDate(0, 0, -googleDays-1), day.AddDate(0, 0, 2)
	values := strings.NewReplacer(
		"{user}", user.ID, "{nobody}", uuid.NewString(), "{id}", uuid.NewString(),
		"{from}", from.Format(time.DateOnly), "{to}", to.Format(time.DateOnly),
		"{from_unix}", strconv.FormatInt(from.Unix(), 10), "{to_unix}", strconv.FormatInt(to.Unix(), 10)+".5",
		"{from_time}", from.Format("2006-01-02T15:04:05"), "{to_time}", to.Format("2006-01-02T15:04:05"),
	)
	for _, r := range peer.Requests() {
		t.Run(r.Method+" "+r.Path, func(t *testing.T) {
			status, header, body := c.send(t, r.Method, "/api/v1"+values.Replace(r.Path), r.Body)
			if status != r.Here {
				t.Fatalf("answers %d, not %d: %s", status, r.Here, body)
			}
			if got := header.Get("Stridelog-Ignored"); got != r.Ignored {
				t.Errorf("ignores %q, not %q", got, r.Ignored)
			}
			for _, member := range r.Reads {
				if err := reads(body, member); err != nil {
					t.Errorf("%v in %.2000s", err, body)
				}
			}
		})
	}
	for _, g := range peer.Groups() {
		for _, operation := range g.Paths {
			method, path, _ := strings.Cut(operation, " ")
			if path == "/" { // the server's own: it leads to the reference
				if status, header, _ := c.send(t, method, path, ""); status != http.StatusSeeOther || header.Get("Location") != "/docs" {
					t.Errorf("%s answers %d and leads to %q", operation, status, header.Get("Location"))
				}
				continue
			}
			status, _, body := c.send(t, method, "/api/v1"+values.Replace(path), "")
			if status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
				t.Errorf("%s is said not to be there and answers %d: %s", operation, status, body)
			}
			if err := reads(body, "detail text"); err != nil && method != http.MethodHead {
				t.Errorf("%s: %v", operation, err)
			}
		}
	}
}

// peerClient sends requests as the clients of Open Wearables do.
type peerClient struct{ base, key string }

func (c peerClient) send(t *testing.T, method, path, body string) (status int, header http.Header, answer []byte) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(peer.Key, c.key)
	r.Header.Set("Content-Type", "application/json") // theirs say so without a body, too
	client := slowHTTP()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	got, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	answer, err = io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, got.Header, answer
}

// reads looks for a member of an answer: "data[].source.device? text". It must be in
// every row and of its type, and somewhere there must be a row.
func reads(body []byte, member string) error {
	path, kind, _ := strings.Cut(member, " ")
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return fmt.Errorf("read %s: %w", member, err)
	}
	found, err := look([]any{v}, strings.Split(path, "."), kind)
	if err == nil && found == 0 {
		err = fmt.Errorf("nothing has it")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", member, err)
	}
	return nil
}

func look(values []any, path []string, kind string) (found int, err error) {
	if len(path) == 0 {
		for _, v := range values {
			if !fits(v, kind) {
				return 0, fmt.Errorf("%v is no %s", v, kind)
			}
		}
		return len(values), nil
	}
	name := strings.TrimSuffix(path[0], "[]")
	name, nullable := strings.CutSuffix(name, "?")
	var next []any
	nulls := 0
	for _, v := range values {
		if name != "" {
			object, ok := v.(map[string]any)
			if !ok {
				return 0, fmt.Errorf("%v has no members", v)
			}
			if v, ok = object[name]; !ok {
				return 0, fmt.Errorf("%s is absent", name)
			}
		}
		if v == nil && nullable {
			nulls++
			continue
		}
		if !strings.HasSuffix(path[0], "[]") {
			next = append(next, v)
			continue
		}
		array, ok := v.([]any)
		if !ok {
			return 0, fmt.Errorf("%s is no array", name)
		}
		next = append(next, array...)
	}
	found, err = look(next, path[1:], kind)
	if len(path) == 1 { // a null is the member itself
		found += nulls
	}
	return found, err
}

func fits(v any, kind string) bool {
	switch kind {
	case "text":
		text, ok := v.(string)
		return ok && text != ""
	case "time":
		text, ok := v.(string)
		_, err := time.Parse(time.RFC3339, text)
		return ok && err == nil
	case "number":
		_, ok := v.(float64)
		return ok
	case "yes":
		_, ok := v.(bool)
		return ok
	}
	return false
}

// TestTheLookForMembersFindsWhatIsWrong is the control of the requests above.
func TestTheLookForMembersFindsWhatIsWrong(t *testing.T) {
	const body = `{"data":[{"id":"a","n":1,"at":"2026-09-01T00:00:00Z","of":{"x":null}},{"id":"b","n":2,"at":"2026-09-01T00:00:00Z","of":{"x":"y"}}],"empty":[],"no":null}`
	for member, good := range map[string]bool{
		"data[].id text": true, "data[].n number": true, "data[].at time": true, "data[].of.x? text": true, "no? text": true, "no?.x text": false,
		"data[].of.x text": false, "data[].n text": false, "data[].id time": false, "data[].id yes": false, "data[].missing text": false, "empty[].id text": false,
		"data.id text": false, "no text": false, "data[].id[] text": false, "data[].id anything": false,
	} {
		if err := reads([]byte(body), member); (err == nil) != good {
			t.Errorf("%s: %v", member, err)
		}
	}
}

// checkTools does what the tools of the MCP server do: the requests with their parameters
// in their form, the members that they read, and their sums.
func checkTools(t *testing.T, c peerClient, w *googleWorld, userID string) {
	found := c.tool(t, "/users", url.Values{"limit": {"10"}}, 200)
	if items := found["items"].([]any); len(items) != 1 || found["total"] != 1.0 || items[0].(map[string]any)["id"] != userID {
		t.Fatalf("get_users shows %v", found)
	}
	for _, name := range []string{"id", "first_name", "last_name", "email"} {
		if _, ok := found["items"].([]any)[0].(map[string]any)[name]; !ok {
			t.Errorf("get_users misses %s", name)
		}
	}
	if found = c.tool(t, "/users", url.Values{"limit": {"10"}, "search": {"nobody of this name"}}, 200); len(found["items"].([]any)) != 0 {
		t.Errorf("get_users with a search shows %v", found)
	}
	person := c.tool(t, "/users/"+userID, nil, 200)
	for _, name := range []string{"id", "first_name", "last_name"} {
		if _, ok := person[name]; !ok {
			t.Errorf("get_workout_events misses %s of the person", name)
		}
	}
	now := time.Now().UTC()
	span := url.Values{"start_date": {now.AddDate(0, 0, -googleDays-2).Format(time.DateOnly)}, "end_date": {now.AddDate(0, 0, 2).Format(time.DateOnly)}, "limit": {"100"}}
	events := func(kind string) []any {
		q := url.Values{"start_date": span["start_date"], "end_date": span["end_date"], "limit": {"100"}}
		if kind != "" {
			q.Set("record_type", kind)
		}
		return c.tool(t, "/users/"+userID+"/events/workouts", q, 200)["data"].([]any)
	}
	all := events("")
	ours, err := w.in.Client.Workouts(deadline(t), userID, nil)
	if err != nil {
		t.Fatal(err)
	}
	var sum, want float64
	for _, raw := range ours {
		var one struct {
			Seconds float64 `json:"duration_seconds"`
		}
		if err := json.Unmarshal(raw, &one); err != nil {
			t.Fatal(err)
		}
		want += one.Seconds
	}
	rides := 0
	for _, v := range all {
		record := v.(map[string]any)
		for _, name := range []string{"id", "type", "start_time", "end_time", "distance_meters", "calories_kcal", "avg_heart_rate_bpm", "max_heart_rate_bpm", "avg_pace_sec_per_km", "elevation_gain_meters"} {
			if _, ok := record[name]; !ok {
				t.Errorf("get_workout_events misses %s", name)
			}
		}
		if record["source"].(map[string]any)["provider"] != google {
			t.Errorf("the source is %v", record["source"])
		}
		sum += record["duration_seconds"].(float64)
		if record["open_wearables_type"] == "cycling" {
			rides++
		}
	}
	if len(all) == 0 || len(all) != len(ours) || sum != want {
		t.Errorf("get_workout_events sums %d workouts to %v s, not %d to %v s", len(all), sum, len(ours), want)
	}
	if got := len(events("cycling")); got != rides || rides == 0 {
		t.Errorf("get_workout_events finds %d of %d rides", got, rides)
	}
	for _, hint := range []string{"running", "swimming", "strength_training", "walking", "hiking", "yoga", "hiit", "rowing", "elliptical", "pilates"} {
		events(hint) // the types that the tool tells its model
	}
	// The tools for other data say that there is nothing: a 404 is an error of theirs.
	c.tool(t, "/users/"+userID+"/summaries/sleep", span, 404)
	c.tool(t, "/users/"+userID+"/summaries/activity", span, 404)
	c.tool(t, "/users/"+userID+"/events/menstrual-cycles", span, 404)
	c.tool(t, "/users/"+userID+"/timeseries", url.Values{"start_time": span["start_date"], "end_time": span["end_date"], "types": {"heart_rate", "steps"}, "resolution": {"1min"}, "limit": {"100"}}, 404)
}

// tool sends a tool's request.
func (c peerClient) tool(t *testing.T, path string, query url.Values, want int) map[string]any {
	t.Helper()
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	status, _, body := c.send(t, http.MethodGet, "/api/v1"+path, "")
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil || status != want {
		t.Fatalf("%s answers %d, not %d: %s", path, status, want, body)
	}
	return answer
}
