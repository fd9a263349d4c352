package e2e

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/export"
	"github.com/stridelog/stridelog/standalone/internal/client"
)

const (
	importDays = 270 // a history of more than two pages of an archive
	fewDays    = 60  // where the number of records shows nothing
)

// importWorld has four people whose cloud stands still, so that archives and
// polling tell of the same workouts.
type importWorld struct {
	*world
	now  time.Time
	days int
}

func newImportWorld(t *testing.T, days int) *importWorld {
	t.Helper()
	w := &importWorld{newStores(t), time.Now().Truncate(time.Second), days}
	for _, p := range []struct {
		name, zone string
		options    simulator.Options
	}{
		{"runner", "Europe/Berlin", simulator.Options{DisplayName: "Runa Beispiel", Travels: []string{"America/New_York", "Asia/Kolkata"}}},
		{"rider in miles", "America/Los_Angeles", simulator.Options{Style: simulator.StyleRider, Miles: true}},
		{"walker", "Europe/Rome", simulator.Options{Style: simulator.StyleWalker, Language: "it"}},
		{"lifter", "Pacific/Auckland", simulator.Options{Style: simulator.StyleGym, Travels: []string{"Europe/London"}}},
	} {
		p.options.Now, p.options.Days = w.now, days-1
		person, err := simulator.NewPerson(11, p.name, p.zone, p.options)
		if err != nil {
			t.Fatal(err)
		}
		w.people = append(w.people, person)
	}
	w.openCloud(t, fitbit.Options{Now: func() time.Time { return w.now }})
	w.jetStream(t) // of the whole test, not of its first part
	return w
}

// archive is one of a person, as the cloud stands; with what else o says.
func (w *importWorld) archive(t *testing.T, person *simulator.Person, o export.Options) *export.Archive {
	t.Helper()
	if o.At.IsZero() {
		o.At = w.now
	}
	o.Truths = slices.DeleteFunc(w.cloud.Truth(person.AccountID()), func(h simulator.Truth) bool { return h.Modified.After(o.At) })
	a, err := export.New(person, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Records()) < w.days/3 {
		t.Fatalf("the archive of %d days has only %d records", w.days, len(a.Records()))
	}
	return a
}

func newUser(t *testing.T, c *client.Client, name string) client.User {
	t.Helper()
	user, err := c.EnsureUser(deadline(t), name)
	if err != nil {
		t.Fatal(err)
	}
	return user
}

// polling connects a user and reads the whole history.
func (w *importWorld) polling(t *testing.T, c *client.Client, user client.User, person *simulator.Person) {
	t.Helper()
	ctx := deadline(t)
	if err := consent(ctx, c, user.ID, person.AccountID()); err != nil {
		t.Fatal(err)
	}
	id, err := c.Historical(ctx, user.ID, "fitbit", w.days+1)
	if err != nil {
		t.Fatal(err)
	}
	if sync, err := c.AwaitSync(ctx, user.ID, id); err != nil || sync.Status != "success" {
		t.Fatalf("the sync ended %s: %v", sync.Status, err)
	}
}

// uploads are the files a person would choose, packed in one way or another.
func uploads(t *testing.T, a *export.Archive, packing string) []client.Upload {
	t.Helper()
	switch packing {
	case "zip":
		return []client.Upload{{Name: "takeout.zip", Write: a.WriteZip}}
	case "tgz":
		return []client.Upload{{Name: "takeout.tgz", Write: a.WriteTGZ}}
	}
	parts, err := a.WriteParts(t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	var files []client.Upload
	for _, part := range parts {
		files = append(files, client.Upload{Name: filepath.Base(part), Write: func(w io.Writer) error {
			f, err := os.Open(part)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(w, f)
			return err
		}})
	}
	return files
}

// bringIn imports an archive over REST and wants success.
func bringIn(t *testing.T, c *client.Client, user client.User, a *export.Archive, packing string) client.Import {
	t.Helper()
	ctx := deadline(t)
	begun, err := c.Import(ctx, user.ID, "fitbit-export", false, uploads(t, a, packing)...)
	if err != nil {
		t.Fatal(err)
	}
	i, err := c.AwaitImport(ctx, begun.ID)
	if err != nil || i.Status != "success" {
		t.Fatalf("the import ended %s: %+v, %v", i.Status, i.Error, err)
	}
	sum := i.Counts.Imported + i.Counts.AlreadyThere + i.Counts.Enriched + i.Counts.Skipped + i.Counts.Rejected
	if i.Counts.Found != sum || i.Counts.Rejected != 0 {
		t.Errorf("the counts do not add up, or records are rejected: %+v", i.Counts)
	}
	return i
}

// rows waits until so many workouts of a user are served, and gives them by
// external id.
func rows(t *testing.T, c *client.Client, user client.User, want int) map[string][]byte {
	t.Helper()
	ctx := deadline(t)
	for {
		list, err := c.Workouts(ctx, user.ID, everyRecord())
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == want {
			return byExternalID(t, list)
		}
		wait(t, ctx, "%d workouts are served, want %d", len(list), want)
	}
}

// facts counts a user's activity facts by external id.
func (w *importWorld) facts(t *testing.T, user client.User) (fetched, removed map[string]int) {
	t.Helper()
	lines, err := readFacts(deadline(t), w.jetStream(t), user.ID)
	if err != nil {
		t.Fatal(err)
	}
	fetched, removed = map[string]int{}, map[string]int{}
	for _, f := range lines {
		if f.event == typeRemoved {
			removed[f.ExternalID]++
		} else {
			fetched[f.ExternalID]++
		}
	}
	return fetched, removed
}

// everyMessage adds all that the log holds.
func (w *importWorld) everyMessage(ctx context.Context, t *testing.T, out *strings.Builder) {
	t.Helper()
	for _, stream := range []string{"STRIDELOG_FACTS", "STRIDELOG_CHANGES"} {
		err := readAll(ctx, w.jetStream(t), stream, "stridelog.>", func(m jetstream.Msg) error {
			_, err := out.Write(m.Data())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
