package ledger

import (
	"fmt"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/poller/internal/store"
)

// Unchanged says whether a page shows nothing but what is known: of each record the
// latest version, as its source gave it and hashed alike. Where it is unsure it says no:
// a plan finds out.
func Unchanged(page provider.Page, known map[string]store.Known, source *provider.Source) (bool, error) {
	if len(page.Records) == 0 {
		return true, nil
	}
	hasher, err := provider.NewHasher(source.Volatile)
	if err != nil {
		return false, fmt.Errorf("compare records of %s: %w", source.Name, err)
	}
	for _, r := range once(page.Records) {
		k, ok := known[r.ExternalID]
		if !ok || r.Problem != "" || k.Removed || k.Origin != string(events.OriginAPI) ||
			k.HashVersion != source.HashVersion || k.ContentHash != hasher.Content(r.Raw) {
			return false, nil
		}
	}
	return true, nil
}
