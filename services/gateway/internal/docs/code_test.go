package docs

import "testing"

func TestCodeStandsBetweenBackticks(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "",
		"plain & <b>":          "plain &amp; &lt;b&gt;",
		"`code` is stable":     "<code>code</code> is stable",
		"a `<x>` and `b`":      "a <code>&lt;x&gt;</code> and <code>b</code>",
		"one ` alone":          "one ` alone",
		"`closed` and `opened": "<code>closed</code> and `opened",
	} {
		if got := string(code(text)); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
