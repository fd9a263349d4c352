package oauth_test

import (
	"strings"
	"testing"

	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/services/oauth"
	"github.com/stridelog/stridelog/services/oauth/internal/cloudtest"
)

func TestNewNamesEveryFault(t *testing.T) {
	h := newFixture(t)
	config := h.config
	config.Bus = bustest.Connect(t, h.natsURL, "one")
	if _, err := oauth.New(config); err != nil {
		t.Fatalf("a good configuration is refused: %v", err)
	}
	config.SealingKey = `{"hush":1}`
	config.RedirectAllowlist = []string{"*"}
	config.RedirectURIs = nil
	config.Catalog = nil
	_, err := oauth.New(config)
	if err == nil {
		t.Fatal("a bad configuration is taken")
	}
	for _, part := range []string{"sealing key", `"*"`, cloudtest.Name + " has no redirect URI", "not in the catalog"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
	if strings.Contains(err.Error(), "hush") {
		t.Error("the error shows the key")
	}
}
