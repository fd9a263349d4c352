package fold_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/waittest"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/projector/internal/fold"
	"github.com/stridelog/stridelog/services/projector/internal/projectortest"
	"github.com/stridelog/stridelog/services/projector/internal/row"
)

// A crash between the commit of a late fact and its announcement repeats both.
func TestALateFactIsAnnouncedAfterACrash(t *testing.T) {
	x := setup(t)
	x.publish(t, projectortest.Fact{User: anna, External: "1", Format: "test.later.v1"})
	x.foldAll(t) // by a program that does not know the format
	if n := x.number(t, "SELECT count(*) FROM projector_g1.unknown_facts"); n != 1 {
		t.Fatalf("%d facts are kept, want 1", n)
	}
	facts := x.fold(t, x.bus)
	facts.Reader = row.NewReader(provider.Normalizers{"test.later.v1": projectortest.Normalizer{Number: 1}}, projectortest.Sources())
	crashes := make(chan int64, 1)
	facts.AfterCommit = func() error {
		if len(crashes) > 0 {
			return nil
		}
		crashes <- x.number(t, "SELECT count(*) FROM projector_g1.unknown_facts")
		return errors.New("a crash")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- fold.Late{Facts: facts}.Run(ctx, func() {}) }()
	waittest.Until(t, "nothing is kept", func() bool { return x.number(t, "SELECT count(*) FROM projector_g1.unknown_facts") == 0 })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := <-crashes; n != 1 {
		t.Errorf("when it crashed, %d facts were kept", n)
	}
	list := projectortest.Deliveries(t, x.bus, events.StreamChanges, 1)
	if len(list) != 1 || list[0].Event.Type() != events.TypeWorkoutRecorded {
		t.Errorf("%d events are announced, want one", len(list))
	}
	if n := x.number(t, "SELECT count(*) FROM projector.view_workouts_v1"); n != 1 {
		t.Errorf("%d workouts are shown", n)
	}
}
