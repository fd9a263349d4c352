package poller

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// probeCloud is a provider of items, days and series, served over HTTP. Lists
// are newest first and have three records a page.
type probeCloud struct {
	server *httptest.Server

	mu     sync.Mutex
	things map[string][]*probeRecord // by path of the list
	calls  []string                  // paths that were asked for
	broken map[string]int            // status by path; zero is none
}

// probeRecord is one member of a list. The window of a request is compared with at,
// which is written into the text in its own way.
type probeRecord struct {
	id   string
	at   time.Time
	text string // JSON; %d in it becomes a number that differs in every answer
}

const probePage = 3

// newProbeCloud has four items, the last of more than 4 KB;
// four days of two resources; and three hours of a series, of which the newest is not
// complete.
func newProbeCloud(t testing.TB, now time.Time) *probeCloud {
	t.Helper()
	c := &probeCloud{things: map[string][]*probeRecord{}, broken: map[string]int{}}
	for i := range 4 {
		end := now.Add(-time.Duration(i+1) * day).In(time.FixedZone("", 2*60*60))
		more := ""
		if i == 3 {
			more = `,"note":"` + strings.Repeat("long ", 2000) + `"`
		}
		c.put("/items", &probeRecord{id: "i" + strconv.Itoa(i), at: end, text: fmt.Sprintf(`{"id":"i%d", "start":%q,"end":%q,"weight":70,"link":"%%d"%s}`,
			i, end.Add(-8*time.Hour).Format(time.RFC3339), end.Format(time.RFC3339), more)})
		date := now.AddDate(0, 0, -i-1).Format(time.DateOnly)
		midnight, err := time.Parse(time.DateOnly, date)
		if err != nil {
			t.Fatal(err)
		}
		for _, resource := range []string{probeSteps, probePulse} {
			c.put("/days/"+resource, &probeRecord{id: date, at: midnight, text: fmt.Sprintf(`{"date":%q, %q:%d}`, date, resource, 100+i)})
		}
	}
	for i := range 3 {
		hour := now.Truncate(time.Hour).Add(-time.Duration(i+2) * time.Hour)
		c.put("/series", &probeRecord{id: strconv.Itoa(i), at: hour, text: fmt.Sprintf(`{"hour":%q, "complete":%t,"values":[60,61]}`, hour.Format(time.RFC3339), i > 0)})
	}
	c.server = httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(c.server.Close)
	return c
}

func (c *probeCloud) put(path string, r *probeRecord) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.things[path] = append(c.things[path], r)
}

// edit replaces a piece of a record's text.
func (c *probeCloud) edit(path, id, was, is string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.things[path] {
		if r.id == id {
			r.text = strings.ReplaceAll(r.text, was, is)
		}
	}
}

func (c *probeCloud) remove(path, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.things[path] = slices.DeleteFunc(c.things[path], func(r *probeRecord) bool { return r.id == id })
}

// fail makes a path answer with a status; zero ends that.
func (c *probeCloud) fail(path string, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken[path] = status
}

// asked counts the calls whose path begins so.
func (c *probeCloud) asked(prefix string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, path := range c.calls {
		if strings.HasPrefix(path, prefix) {
			n++
		}
	}
	return n
}

func (c *probeCloud) serve(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, r.URL.Path)
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer token-") {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if status := c.broken[r.URL.Path]; status != 0 {
		w.WriteHeader(status)
		return
	}
	id, one := strings.CutPrefix(r.URL.Path, "/items/")
	if !one {
		c.list(w, r)
		return
	}
	for _, r := range c.things["/items"] {
		if r.id == id {
			_, _ = w.Write([]byte(c.text(r)))
			return
		}
	}
	w.WriteHeader(http.StatusNotFound)
}

// text is a record as this very answer has it.
func (c *probeCloud) text(r *probeRecord) string {
	return strings.ReplaceAll(r.text, "%d", strconv.Itoa(len(c.calls)))
}

func (c *probeCloud) list(w http.ResponseWriter, r *http.Request) {
	from, a := time.Parse(time.RFC3339, r.FormValue("from"))
	to, b := time.Parse(time.RFC3339, r.FormValue("to"))
	if a != nil || b != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var inside []*probeRecord
	for _, one := range c.things[r.URL.Path] {
		if !one.at.Before(from.Truncate(day)) && one.at.Before(to) || !strings.HasPrefix(r.URL.Path, "/days/") && !one.at.Before(from) && one.at.Before(to) {
			inside = append(inside, one)
		}
	}
	slices.SortFunc(inside, func(a, b *probeRecord) int { return b.at.Compare(a.at) })
	first, _ := strconv.Atoi(r.FormValue("page"))
	first = min(first, len(inside))
	end := min(first+probePage, len(inside))
	answer := struct {
		Records []json.RawMessage `json:"records"`
		Next    string            `json:"next,omitempty"`
	}{Records: []json.RawMessage{}}
	var texts []string
	for _, one := range inside[first:end] {
		texts = append(texts, c.text(one))
	}
	if end < len(inside) {
		answer.Next = strconv.Itoa(end)
	}
	// The records' own bytes, white space and all, which encoding/json would change.
	_, _ = fmt.Fprintf(w, `{"records":[%s],"next":%q}`, strings.Join(texts, ","), answer.Next)
}
