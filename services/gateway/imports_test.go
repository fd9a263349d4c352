package gateway_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

type importAnswer struct {
	ImportID   string `json:"import_id"`
	UserID     string `json:"user_id"`
	Provider   string
	Kind       string
	Status     string
	DryRun     bool    `json:"dry_run"`
	StartedAt  *string `json:"started_at"`
	FinishedAt *string `json:"finished_at"`
	Timezone   *string
	Counts     struct{ Found, Imported, Superseded, Restated int }
	Progress   struct {
		BytesRead int64 `json:"bytes_read"`
	}
	DateRange *struct{ From, To time.Time } `json:"date_range"`
	Files     []struct {
		Name    string
		Skipped map[string]int
		Problem *string
	}
	UnknownFiles []string `json:"unknown_files"`
	Notes        []string
	Error        *struct{ Code, Message string }
}

// importer answers as the poller does, and keeps what it was asked.
type importer struct {
	mu    sync.Mutex
	asked []rpc.ImportRequest
	err   error
}

func serveImports(s *gatewaytest.System) *importer {
	p := &importer{}
	s.Serve("poller", bus.Method[rpc.ImportRequest, rpc.ImportResponse](rpc.PollerImport, func(_ context.Context, q rpc.ImportRequest) (rpc.ImportResponse, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked = append(p.asked, q)
		if p.err != nil {
			return rpc.ImportResponse{}, p.err
		}
		at := time.Now().UTC().Truncate(time.Microsecond)
		s.Exec(`INSERT INTO poller.imports (import_id, user_id, provider, kind, dry_run, requested_at, time_zone) VALUES ($1, $2, 'fitbit', $3, $4, $5, nullif($6, ''))`,
			q.ImportID, q.UserID, q.Kind, q.DryRun, at, q.TimeZone)
		return rpc.ImportResponse{Provider: "fitbit", RequestedAt: at}, nil
	}))
	return p
}

func (p *importer) requests() []rpc.ImportRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// uploaded are the chunks in the bucket.
func uploaded(t *testing.T, s *gatewaytest.System) (n uint64) {
	t.Helper()
	stream, err := s.Bus.JetStream().Stream(t.Context(), "OBJ_"+events.BucketUploads)
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter("$O."+events.BucketUploads+".C.>"))
	if err != nil {
		t.Fatal(err)
	}
	for _, messages := range info.State.Subjects {
		n += messages
	}
	return n
}

func content(t *testing.T, s *gatewaytest.System, u rpc.Upload) string {
	t.Helper()
	var out bytes.Buffer
	if err := s.Bus.Download(t.Context(), u, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAnArchiveIsTakenAsTheBodyAndQueued(t *testing.T) {
	s := gatewaytest.New(t)
	p := serveImports(s)
	user := s.User()
	path := "/api/v1/users/" + user.String() + "/imports"
	for _, media := range []string{"application/zip", "application/gzip", "application/octet-stream; x=y"} {
		a := s.Do(gatewaytest.Request{Method: http.MethodPost, Path: path + "?kind=fitbit-export&dry_run=true&timezone=Asia/Tokyo", Body: "an archive", Header: map[string]string{"Content-Type": media}})
		var got importAnswer
		decode(t, a, 202, &got)
		if got.Status != "queued" || got.Kind != "fitbit-export" || got.Provider != "fitbit" || !got.DryRun || got.Timezone == nil || *got.Timezone != "Asia/Tokyo" || got.UserID != user.String() || a.Header.Get("Location") != "/api/v1/imports/"+got.ImportID {
			t.Errorf("the import is %+v at %s", got, a.Header.Get("Location"))
		}
		asked := p.requests()[len(p.requests())-1]
		if asked.ImportID != got.ImportID || asked.UserID != user.String() || !asked.DryRun || asked.TimeZone != "Asia/Tokyo" || len(asked.Uploads) != 1 || content(t, s, asked.Uploads[0]) != "an archive" {
			t.Errorf("the poller was asked %+v", asked)
		}
		var read importAnswer
		s.Call(http.MethodGet, "/api/v1/imports/"+got.ImportID, "", 200, &read)
		if read.ImportID != got.ImportID || read.Status != "queued" || read.Timezone == nil || *read.Timezone != "Asia/Tokyo" || read.UnknownFiles == nil || read.Files == nil || read.Notes == nil {
			t.Errorf("just issued it reads %+v", read)
		}
	}
}

// During an upgrade the poller may still be older than the gateway: its view has no zone.
func TestImportsOfAnOlderPollerAreShown(t *testing.T) {
	s := gatewaytest.New(t)
	user, id := s.User(), uuid.New()
	s.Exec(`DROP VIEW poller.view_imports_v1`)
	s.Exec(`ALTER TABLE poller.imports DROP COLUMN time_zone`)
	s.Exec(`CREATE VIEW poller.view_imports_v1 AS SELECT * FROM poller.imports`)
	s.Exec(`INSERT INTO poller.imports (import_id, user_id, provider, kind, requested_at) VALUES ($1, $2, 'fitbit', 'fitbit-export', now())`, id, user)
	var one importAnswer
	s.Call(http.MethodGet, "/api/v1/imports/"+id.String(), "", 200, &one)
	if one.ImportID != id.String() || one.Timezone != nil {
		t.Errorf("the import is %+v", one)
	}
	var page struct{ Data []importAnswer }
	s.Call(http.MethodGet, "/api/v1/users/"+user.String()+"/imports", "", 200, &page)
	if len(page.Data) != 1 {
		t.Errorf("the page is %+v", page)
	}
}

func decode(t *testing.T, a gatewaytest.Answer, status int, into any) {
	t.Helper()
	if a.Status != status {
		t.Fatalf("answered %d, want %d: %s", a.Status, status, a.Body)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(a.Body, into); err != nil {
		t.Fatalf("answered %s: %v", a.Body, err)
	}
}

// form writes a form: name=value are fields, name@file=value are files.
func form(t *testing.T, parts ...string) (body, media string) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for _, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		name, file, isFile := strings.Cut(name, "@")
		create := func() (io.Writer, error) { return w.CreateFormField(name) }
		if isFile {
			create = func() (io.Writer, error) { return w.CreateFormFile(name, file) }
		}
		into, err := create()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(into, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String(), w.FormDataContentType()
}

func TestAFormHasSeveralFilesAndSaysTheKind(t *testing.T) {
	s := gatewaytest.New(t)
	p := serveImports(s)
	path := "/api/v1/users/" + s.User().String() + "/imports"
	body, media := form(t, "kind=fitbit-export", "dry_run=true", "timezone=Europe/Rome", "file@takeout-001.zip=one", "file@../takeout-002.zip=two")
	var got importAnswer
	decode(t, s.Do(gatewaytest.Request{Method: http.MethodPost, Path: path, Body: body, Header: map[string]string{"Content-Type": media}}), 202, &got)
	asked := p.requests()[0]
	if len(asked.Uploads) != 2 || !asked.DryRun || asked.TimeZone != "Europe/Rome" || !got.DryRun || asked.Uploads[0].File != "takeout-001.zip" || asked.Uploads[1].File != "takeout-002.zip" ||
		content(t, s, asked.Uploads[0]) != "one" || content(t, s, asked.Uploads[1]) != "two" {
		t.Errorf("the poller was asked %+v", asked)
	}
}

func TestWhatIsNoUploadChangesNothing(t *testing.T) {
	s := gatewaytest.Stores(t)
	s.Publish()
	c := s.Config()
	c.MaxUpload = 1 << 20
	s.Start(c)
	p := serveImports(s)
	user := s.User()
	path := "/api/v1/users/" + user.String() + "/imports"
	send := func(path, media, body string) gatewaytest.Answer {
		return s.Do(gatewaytest.Request{Method: http.MethodPost, Path: path, Body: body, Header: map[string]string{"Content-Type": media}})
	}
	nobody := "/api/v1/users/" + uuid.NewString() + "/imports?kind=fitbit-export"
	large := strings.Repeat("x", 1<<20+1)
	inForm := func(parts ...string) gatewaytest.Answer {
		body, media := form(t, parts...)
		return send(path, media, body)
	}
	for name, c := range map[string]struct {
		answer gatewaytest.Answer
		status int
		code   string
		field  string
	}{
		"an unknown kind":          {send(path+"?kind=diary", "application/zip", "x"), 400, "invalid_request", "kind"},
		"no kind":                  {send(path, "application/zip", "x"), 400, "invalid_request", "kind"},
		"a dry run of maybe":       {send(path+"?kind=fitbit-export&dry_run=maybe", "application/zip", "x"), 400, "invalid_request", "dry_run"},
		"an empty object":          {send(path+"?kind=fitbit-export", "application/octet-stream", " {}\n"), 400, "invalid_request", "file"},
		"an object as a file":      {inForm("kind=fitbit-export", "file@a.zip={}"), 400, "invalid_request", "file"},
		"a field for a file":       {inForm("kind=fitbit-export", "file={}"), 400, "invalid_request", "file"},
		"an unknown zone":          {send(path+"?kind=fitbit-export&timezone=Mars/Olympus_Mons", "application/zip", "x"), 400, "invalid_request", "timezone"},
		"the machine's zone":       {send(path+"?kind=fitbit-export&timezone=Local", "application/zip", "x"), 400, "invalid_request", "timezone"},
		"an empty zone":            {send(path+"?kind=fitbit-export&timezone=", "application/zip", "x"), 400, "invalid_request", "timezone"},
		"a form of another planet": {inForm("kind=fitbit-export", "timezone=Mars/Olympus_Mons", "file@a.zip=x"), 400, "invalid_request", "timezone"},
		"an unknown user":          {send(nobody, "application/zip", "x"), 404, "not_found", ""},
		"no user":                  {send("/api/v1/users/7/imports?kind=fitbit-export", "application/zip", "x"), 400, "invalid_request", "user_id"},
		"JSON":                     {send(path+"?kind=fitbit-export", "application/json", "{}"), 415, "unsupported_media_type", ""},
		"no type":                  {send(path+"?kind=fitbit-export", "", "x"), 415, "unsupported_media_type", ""},
		"nothing":                  {send(path+"?kind=fitbit-export", "application/zip", ""), 400, "invalid_request", "file"},
		"too much":                 {send(path+"?kind=fitbit-export", "application/zip", large), 413, "content_too_large", ""},
		"a form without a file":    {inForm("kind=fitbit-export"), 400, "invalid_request", "file"},
		"a form without a kind":    {inForm("file@a.zip=x"), 400, "invalid_request", "kind"},
		"a form of a diary":        {inForm("kind=diary", "file@a.zip=x"), 400, "invalid_request", "kind"},
		"a form with more":         {inForm("kind=fitbit-export", "color=red", "file@a.zip=x"), 400, "invalid_request", "color"},
		"a form with a late field": {inForm("kind=fitbit-export", "file@a.zip=x", "dry_run=true"), 400, "invalid_request", "dry_run"},
		"an empty file":            {inForm("kind=fitbit-export", "file@a.zip=x", "file@b.zip="), 400, "invalid_request", "file"},
		"a large second file":      {inForm("kind=fitbit-export", "file@a.zip=x", "file@b.zip="+large), 413, "content_too_large", ""},
		"no form":                  {send(path, "multipart/form-data; boundary=x", "nothing of a form"), 400, "invalid_request", "file"},
		"a form without boundary":  {send(path, "multipart/form-data", "x"), 400, "invalid_request", "body"},
	} {
		q := checkProblem(t, name, c.answer, c.status, c.code)
		if c.field != "" && (len(q.Errors) != 1 || q.Errors[0].Field != c.field) {
			t.Errorf("%s: the faults are %+v, want %s", name, q.Errors, c.field)
		}
	}
	for path, status := range map[string]int{
		"/api/v1/imports/" + uuid.NewString(): 404, "/api/v1/imports/7": 400, nobody[:strings.Index(nobody, "?")]: 404, path + "?cursor=x": 400,
	} {
		if a := s.Do(gatewaytest.Request{Method: http.MethodGet, Path: path}); a.Status != status {
			t.Errorf("GET %s answers %d, want %d", path, a.Status, status)
		}
	}
	if a := s.Do(gatewaytest.Request{Method: http.MethodPost, Path: path + "?kind=fitbit-export", NoKey: true}); a.Status != 401 {
		t.Errorf("without a key it answers %d", a.Status)
	}
	if n, asked := uploaded(t, s), len(p.requests()); n != 0 || asked != 0 {
		t.Errorf("%d chunks stay and the poller was asked %d times", n, asked)
	}
	// The control: the same gateway takes what is right.
	decode(t, inForm("kind=fitbit-export", "file@a.zip=x"), 202, nil)
	if uploaded(t, s) == 0 {
		t.Error("nothing was uploaded")
	}
}

func TestWhatThePollerRefusesLeavesNoUpload(t *testing.T) {
	s := gatewaytest.New(t)
	path := "/api/v1/users/" + s.User().String() + "/imports?kind=fitbit-export"
	zip := map[string]string{"Content-Type": "application/zip"}
	checkProblem(t, "no poller", s.Do(gatewaytest.Request{Method: http.MethodPost, Path: path, Body: "x", Header: zip}), 503, "unavailable")
	p := serveImports(s)
	p.err = &rpc.Error{Code: rpc.CodeNotFound, Detail: "There is no such user."}
	checkProblem(t, "erased meanwhile", s.Do(gatewaytest.Request{Method: http.MethodPost, Path: path, Body: "x", Header: zip}), 404, "not_found")
	if n := uploaded(t, s); n != 0 {
		t.Errorf("%d chunks stay", n)
	}
}

// A client that goes away in the middle leaves nothing.
func TestAnUploadThatBreaksOffIsForgotten(t *testing.T) {
	s := gatewaytest.New(t)
	p := serveImports(s)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /api/v1/users/%s/imports?kind=fitbit-export HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: application/zip\r\nContent-Length: 30000000\r\n\r\n",
		s.User(), gatewaytest.Key)
	if _, err := io.CopyN(conn, rand.NewChaCha8([32]byte{}), 10<<20); err != nil {
		t.Fatal(err)
	}
	s.Await("a part of the upload being stored", func() bool { return uploaded(t, s) > 0 })
	conn.Close()
	s.Await("the part being deleted", func() bool { return uploaded(t, s) == 0 })
	if len(p.requests()) != 0 {
		t.Error("the poller was asked to import half an upload")
	}
}

func TestALargeUploadTakesLittleMemory(t *testing.T) {
	s := gatewaytest.New(t)
	p := serveImports(s)
	const size = 200 << 20
	sum := sha256.New()
	source := &sampled{r: io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{1}), size), sum)}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/api/v1/users/"+s.User().String()+"/imports?kind=fitbit-export", source)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", gatewaytest.Key)
	req.Header.Set("Content-Type", "application/zip")
	answer, err := s.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	back := sha256.New()
	if err := s.Bus.Download(t.Context(), p.requests()[0].Uploads[0], back); err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != 202 || !bytes.Equal(back.Sum(nil), sum.Sum(nil)) {
		t.Errorf("answered %d, or other bytes came back", answer.StatusCode)
	}
	// The NATS server is in this process, too.
	if grown := source.most - source.first; grown > 100<<20 {
		t.Errorf("the heap grew by %d MB while %d MB were uploaded", grown>>20, size>>20)
	}
}

// sampled looks at the heap every 10 MB.
type sampled struct {
	r           io.Reader
	read, next  int
	first, most uint64
}

func (s *sampled) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if s.read += n; s.read >= s.next {
		s.next += 10 << 20
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if s.first == 0 {
			s.first = m.HeapInuse
		}
		s.most = max(s.most, m.HeapInuse)
	}
	return n, err
}

func TestImportsAreListedAsTheyStand(t *testing.T) {
	s := gatewaytest.New(t)
	user := s.User()
	for n := range 3 {
		s.Exec(`INSERT INTO poller.imports (import_id, user_id, provider, kind, requested_at) VALUES ($1, $2, 'fitbit', 'fitbit-export', now() - make_interval(hours => $3))`, uuid.New(), user, n+1)
	}
	id := uuid.New()
	s.Exec(`INSERT INTO poller.imports VALUES ($1, $2, 'fitbit', 'fitbit-export', false, 'partial', $3, $4, now(), now(), now())`, id, user,
		`{"progress":{"bytes_read":7,"bytes_total":7,"records_per_second":2.5},"counts":{"found":3,"imported":2,"skipped":1,"superseded":1,"restated":5},
		  "date_range":{"from":"2016-01-01T06:00:00Z","to":"2026-01-01T06:00:00Z"},"files":[{"name":"exercise-0.json","kind":"exercise","found":3,"imported":2,"skipped":{"broken":1},"problem":"cut off"}],
		  "unknown_files":["poems.txt"],"notes":["profile_missing"]}`, `{"code":"files_unreadable","message":"Download it again."}`)
	var one importAnswer
	s.Call(http.MethodGet, "/api/v1/imports/"+id.String(), "", 200, &one)
	if one.Status != "partial" || one.Timezone != nil || one.Counts.Found != 3 || one.Counts.Superseded != 1 || one.Counts.Restated != 5 || one.Progress.BytesRead != 7 || one.DateRange == nil || one.DateRange.From.Year() != 2016 ||
		len(one.Files) != 1 || one.Files[0].Skipped["broken"] != 1 || *one.Files[0].Problem != "cut off" || one.UnknownFiles[0] != "poems.txt" ||
		one.Notes[0] != "profile_missing" || one.Error == nil || one.Error.Code != "files_unreadable" || one.FinishedAt == nil {
		t.Errorf("the import is %+v", one)
	}
	var page struct {
		Data       []importAnswer
		Pagination struct {
			NextCursor *string `json:"next_cursor"`
			TotalCount int     `json:"total_count"`
		}
	}
	s.Call(http.MethodGet, "/api/v1/users/"+user.String()+"/imports?limit=3", "", 200, &page)
	if len(page.Data) != 3 || page.Data[0].ImportID != id.String() || page.Pagination.TotalCount != 4 || page.Pagination.NextCursor == nil {
		t.Fatalf("the page is %+v", page)
	}
	s.Call(http.MethodGet, "/api/v1/users/"+user.String()+"/imports?limit=3&cursor="+*page.Pagination.NextCursor, "", 200, &page)
	if len(page.Data) != 1 || page.Pagination.NextCursor != nil {
		t.Errorf("the second page is %+v", page)
	}
	s.Call(http.MethodDelete, "/api/v1/users/"+user.String(), "", 202, nil)
	s.Call(http.MethodGet, "/api/v1/imports/"+id.String(), "", 404, nil)
}
