package postgres

import (
	"strings"
	"testing"
)

func TestServersBefore15AreRefused(t *testing.T) {
	if err := checkVersion(140022); err == nil || !strings.Contains(err.Error(), "PostgreSQL 14") {
		t.Errorf("error is %v", err)
	}
	for _, good := range []int{150000, 150018, 180004} {
		if err := checkVersion(good); err != nil {
			t.Errorf("%d: %v", good, err)
		}
	}
}
