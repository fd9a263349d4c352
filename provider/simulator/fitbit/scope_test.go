package fitbit

import (
	"slices"
	"strings"
	"testing"
)

// The consent page shows people what a scope opens, and never its address alone.
func TestEveryScopeHasPlainWords(t *testing.T) {
	var seen []string
	for _, s := range allScopes() {
		if len(s.Label) < 5 || s.Word == "" || strings.ContainsAny(s.Label, "_/") || slices.Contains(seen, s.Value) || slices.Contains(seen, s.Label) {
			t.Errorf("a scope is %+v", s)
		}
		seen = append(seen, s.Value, s.Label)
	}
	if asked := allScopes().Of([]string{"profile", "nonsense"}); len(asked) != 1 || asked[0].Value != "profile" {
		t.Errorf("of profile and nonsense it shows %+v", asked)
	}
}
