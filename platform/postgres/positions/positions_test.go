package positions_test

import (
	"testing"

	"github.com/stridelog/stridelog/platform/postgres/positions"
	"github.com/stridelog/stridelog/platform/postgres/postgrestest"
)

func TestAPositionGrowsWithinAnEpochAndIsSetOnPurpose(t *testing.T) {
	db := postgrestest.New(t)
	if _, err := db.Exec(t.Context(), `CREATE SCHEMA s; CREATE TABLE s.positions (stream text, durable text, epoch text NOT NULL,
		acknowledged bigint NOT NULL, PRIMARY KEY (stream, durable))`); err != nil {
		t.Fatal(err)
	}
	table := positions.New(db, "s")
	keep := func(epoch string, at uint64) func() error {
		return func() error { return table.Keep(t.Context(), "facts", "folder", epoch, at) }
	}
	for _, step := range []struct {
		do    func() error
		first uint64 // of the epoch "first", and of "second"
		then  uint64
	}{
		{func() error { return nil }, 0, 0},
		{keep("first", 5), 5, 0},
		{keep("first", 3), 5, 0}, // nothing takes it back
		{keep("first", 9), 9, 0},
		{keep("second", 2), 0, 2}, // another life of the stream
		{func() error { return table.Set(t.Context(), "facts", "folder", "second", 1) }, 0, 1},
		{func() error { return table.Set(t.Context(), "facts", "folder", "first", 4) }, 4, 0},
		{func() error { return table.Keep(t.Context(), "facts", "another", "first", 7) }, 4, 0},
		{func() error { return table.Forget(t.Context(), "facts", "folder") }, 0, 0},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		for epoch, want := range map[string]uint64{"first": step.first, "second": step.then} {
			if got, err := table.Acknowledged(t.Context(), "facts", "folder", epoch); err != nil || got != want {
				t.Errorf("in the epoch %s it is %d (%v), want %d", epoch, got, err, want)
			}
		}
	}
}
