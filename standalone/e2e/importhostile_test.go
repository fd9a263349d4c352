package e2e

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/provider/simulator/fitbit/export"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/hostile"
	"github.com/stridelog/stridelog/services/projector"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

// TestHostileArchivesAreRefusedOrReported uploads each and, behind it, the sound
// archive: nothing that went wrong before may be in its way.
func TestHostileArchivesAreRefusedOrReported(t *testing.T) {
	w := newImportWorld(t, fewDays)
	c := w.start(t).Client
	good := w.archive(t, w.people[0], export.Options{})
	all := hostile.Archives(good)
	if len(all) < 12 {
		t.Fatalf("there are only %d hostile archives", len(all))
	}
	for _, a := range all {
		t.Run(a.Name, func(t *testing.T) {
			user := newUser(t, c, a.Name)
			before := w.refuseOrReport(t, c, user, a, len(good.Records()))
			after := bringIn(t, c, user, good, "zip")
			if after.Counts.Imported+before != len(good.Records()) {
				t.Errorf("%d records came before and %d after, of %d", before, after.Counts.Imported, len(good.Records()))
			}
			w.oneRowEach(t, c, user, good, 1)
		})
	}
	w.noUploads(t)
}

// refuseOrReport uploads an archive and gives how many records came in.
func (w *importWorld) refuseOrReport(t *testing.T, c *client.Client, user client.User, a hostile.Archive, whole int) int {
	t.Helper()
	ctx := deadline(t)
	begun, err := c.Import(ctx, user.ID, "fitbit-export", false, client.Upload{Name: "upload" + a.Suffix, Write: a.Write})
	var problem *client.Problem
	if errors.As(err, &problem) && a.Name == "empty file" { // which is no upload
		if problem.Status != http.StatusBadRequest || !strings.Contains(problem.Detail, "empty") {
			t.Errorf("refused with %v", problem)
		}
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	i, err := c.AwaitImport(ctx, begun.ID)
	if err != nil {
		t.Fatal(err)
	}
	fetched, _ := w.facts(t, user)
	if a.Refusal != "" {
		if i.Status != "failed" || i.Error == nil || i.Error.Code != a.Refusal || !strings.Contains(i.Error.Message, "; ") {
			t.Errorf("ended %s with %+v, want failed with %s", i.Status, i.Error, a.Refusal)
		}
		if len(fetched) != 0 || i.Counts.Imported != 0 {
			t.Errorf("a refused archive left %d facts", len(fetched))
		}
		return 0
	}
	if i.Status != "partial" || i.Error == nil || i.Error.Message == "" || !i.Reports(a.Trouble) {
		t.Errorf("ended %s with %+v and %+v, want a report of %s", i.Status, i.Error, i.Files, a.Trouble)
	}
	want := 0
	if a.Whole {
		want = whole
	}
	if i.Counts.Imported != want || len(fetched) != want {
		t.Errorf("%d records imported, %d in the log, want %d", i.Counts.Imported, len(fetched), want)
	}
	return want
}

// noUploads checks that every upload is deleted after use. The bucket is that of
// the documentation.
func (w *importWorld) noUploads(t *testing.T) {
	t.Helper()
	ctx := deadline(t)
	bucket, err := w.jetStream(t).ObjectStore(ctx, "STRIDELOG_UPLOADS")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Put(ctx, jetstream.ObjectMeta{Name: "planted"}, bytes.NewReader([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	for {
		objects, err := bucket.List(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(objects) == 1 && objects[0].Name == "planted" {
			break
		}
		wait(t, ctx, "%d objects are left in the bucket of uploads", len(objects))
	}
	if err := bucket.Delete(ctx, "planted"); err != nil {
		t.Fatal(err)
	}
}

// TestRebuildAndErasureCoverImports has one user with an import alone and one who
// is connected, too.
func TestRebuildAndErasureCoverImports(t *testing.T) {
	w := newImportWorld(t, fewDays)
	in := w.start(t)
	c := in.Client
	old := w.archive(t, w.people[2], export.Options{Era: export.EraA, At: w.now.AddDate(0, 0, -fewDays/2)})
	newer := w.archive(t, w.people[2], export.Options{Era: export.EraC})
	alone, both := newUser(t, c, "archive alone"), newUser(t, c, "archive and connection")
	for _, user := range []client.User{alone, both} {
		bringIn(t, c, user, old, "tgz")
		bringIn(t, c, user, newer, "parts")
		rows(t, c, user, len(newer.Records()))
	}
	w.polling(t, c, both, w.people[2])
	w.awaitAPI(t, c, both, w.people[2])

	before := w.dump(t)
	w.truncateWorkouts(t)
	if _, err := in.System.Rebuild(deadline(t), func(projector.Progress) {}); err != nil {
		t.Fatal(err)
	}
	after := w.dump(t)
	if len(before) != 2*len(newer.Records()) || !maps.Equal(before, after) {
		t.Errorf("%d rows before, %d after, or other ones", len(before), len(after))
		for id, row := range before {
			if after[id] != row {
				t.Fatalf("row %s\n  was %s\n  now %s", id, row, after[id])
			}
		}
	}
	w.eraseUser(t, c, alone)
	if rows := w.dump(t); len(rows) != len(newer.Records()) {
		t.Errorf("%d rows are left, want the other user's %d", len(rows), len(newer.Records()))
	}
	w.eraseUser(t, c, both)
	if rows := w.dump(t); len(rows) != 0 {
		t.Errorf("%d rows are left", len(rows))
	}
}

// eraseUser erases a user while an import of theirs waits or runs.
func (w *importWorld) eraseUser(t *testing.T, c *client.Client, user client.User) {
	t.Helper()
	ctx := deadline(t)
	large, err := export.New(w.people[0], export.Options{At: w.now, Exercises: 400})
	if err != nil {
		t.Fatal(err)
	}
	begun, err := c.Import(ctx, user.ID, "fitbit-export", false, uploads(t, large, "zip")...)
	if err != nil {
		t.Fatal(err)
	}
	var erasure struct {
		ID string `json:"erasure_id"`
	}
	if err := c.Call(ctx, http.MethodDelete, "/users/"+user.ID, nil, &erasure); err != nil {
		t.Fatal(err)
	}
	w.awaitErasure(t, c, erasure.ID)
	if fetched, removed := w.facts(t, user); len(fetched)+len(removed) != 0 {
		t.Errorf("%d facts are left", len(fetched)+len(removed))
	}
	for _, stream := range []string{"STRIDELOG_FACTS", "STRIDELOG_CHANGES"} {
		s, err := w.jetStream(t).Stream(ctx, stream)
		if err != nil {
			t.Fatal(err)
		}
		info, err := s.Info(ctx, jetstream.WithSubjectFilter("stridelog.*.*.*."+user.ID))
		if err != nil || len(info.State.Subjects) != 0 {
			t.Errorf("%s still holds %v: %v", stream, info.State.Subjects, err)
		}
	}
	_, err = c.GetImport(ctx, begun.ID)
	expectProblem(t, err, http.StatusNotFound)
	_, err = c.Import(ctx, user.ID, "fitbit-export", false, client.Upload{Name: "late.zip", Write: func(w io.Writer) error {
		_, err := io.WriteString(w, "PK")
		return err
	}})
	expectProblem(t, err, http.StatusNotFound)
	w.noUploads(t)
}
