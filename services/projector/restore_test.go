package projector_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/natsserver"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
	"github.com/stridelog/stridelog/services/projector"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
)

func TestALogRestoredFromItsOlderFilesIsFoundAndMended(t *testing.T) {
	live, copied := t.TempDir(), t.TempDir()+"/backup"
	s := &system{db: postgrestest.New(t)}
	restart := func(dir string) (stop func()) {
		s.bus, stop = bustest.With(t, natsserver.Options{StoreDir: dir})
		s.service = s.another(t, projectortest.Normalizers())
		return stop
	}
	foldAll := func(facts ...projectortest.Fact) {
		stop := s.run(t)
		projectortest.Publish(t, s.bus, facts...)
		s.drained(t)
		stop()
	}

	down := restart(live)
	foldAll(projectortest.Fact{User: anna, External: "1"}, projectortest.Fact{User: anna, External: "2"})
	down()
	if err := os.CopyFS(copied, os.DirFS(live)); err != nil {
		t.Fatal(err)
	}
	down = restart(live)
	foldAll(projectortest.Fact{User: anna, External: "3"})
	down()

	down = restart(copied)
	defer down()
	if err := s.service.Run(t.Context(), func() {}); !errors.Is(err, projector.ErrLogRestored) {
		t.Fatalf("the projector ended with %v, want ErrLogRestored", err)
	}
	rebuild(t, s.service)
	foldAll(projectortest.Fact{User: anna, External: "4"})
	got := projectortest.Strings(t, s.db, "SELECT external_id || ':' || version FROM projector.view_workouts_v1 ORDER BY 1")
	if strings.Join(got, " ") != "1:1 2:2 4:3" {
		t.Errorf("workouts are %q, want 1:1 2:2 4:3", got)
	}
}
