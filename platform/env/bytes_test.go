package env_test

import (
	"strings"
	"testing"

	"github.com/stridelog/stridelog/platform/env"
)

func TestSizesAreReadWithTheirUnits(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "7": 7, "7B": 7, "7KB": 7000, "500MB": 500_000_000, "10GB": 10_000_000_000, "10 GB": 10_000_000_000, "9TB": 9_000_000_000_000,
		"9223372036854775807": 9223372036854775807,
	} {
		if got, err := env.ParseBytes(text); err != nil || got != want {
			t.Errorf("%s is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "B", "GB", "-1", "1.5GB", "1gb", "1GiB", "10000000TB", "9223372036854775808", "1 2", "x"} {
		if got, err := env.ParseBytes(text); err == nil {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}

func TestASizeThatIsNoneIsAFault(t *testing.T) {
	r := env.New(func(name string) (string, bool) {
		return map[string]string{"A": "10GB", "B": "much"}[name], name != "C"
	})
	if r.Bytes("A", 1) != 10_000_000_000 || r.Bytes("C", 7) != 7 || r.Bytes("B", 3) != 3 {
		t.Error("a size is read wrongly")
	}
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "B: ") {
		t.Errorf("the faults are %v", err)
	}
}
