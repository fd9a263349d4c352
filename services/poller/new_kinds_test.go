package poller_test

import (
	"strings"
	"testing"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller"
)

// A source of a kind that no program could write is found when the poller is made, not
// when its first page comes.
func TestASourceOfAnUnknownKindIsRefused(t *testing.T) {
	c := poller.Config{Connectors: provider.Connectors{"cloud": {Sources: []provider.Source{{Name: "steps", Kind: "nothing_known"}, {Name: "activity", Kind: "activity"}}}}}
	_, err := poller.New(c)
	if err == nil || !strings.Contains(err.Error(), `"steps" of cloud`) || !strings.Contains(err.Error(), `"nothing_known"`) {
		t.Errorf("New says %v", err)
	}
	if err != nil && strings.Contains(err.Error(), `the source "activity"`) {
		t.Errorf("a known kind is refused: %v", err)
	}
}
