package vocabulary_test

import (
	"slices"
	"testing"

	"github.com/stridelog/stridelog/provider/vocabulary"
)

func TestEveryTypeIsAWordOfFilters(t *testing.T) {
	for _, name := range vocabulary.Types() {
		if got := vocabulary.Resolve(name); !slices.Equal(got, []string{name}) {
			t.Errorf("%s stands for %v", name, got)
		}
	}
	if got := vocabulary.Resolve("Trail_Run"); !slices.Equal(got, []string{"trail_run"}) {
		t.Errorf("case matters: %v", got)
	}
	for _, word := range vocabulary.Words() {
		if len(vocabulary.Resolve(word)) == 0 {
			t.Errorf("%s is listed and stands for nothing", word)
		}
	}
	for _, word := range []string{"", "ruunning", "run", "pickelbal", "biking,running"} {
		if got := vocabulary.Resolve(word); got != nil {
			t.Errorf("%q stands for %v", word, got)
		}
	}
}

func TestNearWords(t *testing.T) {
	for word, want := range map[string]string{
		"ruunning": "running", "Runnign": "running", "pickelbal": "pickelball", "pickle_ball": "pickleball", "trail-run": "trail_run", "trail run": "trail_run",
		"bike": "mountain_bike", "swim": "swimming", "running_outdoor": "running", "strength": "strength_training", "yoga_class": "yoga",
	} {
		if got := vocabulary.Near(word); !slices.Contains(got, want) {
			t.Errorf("near %q are %v, without %s", word, got, want)
		}
	}
	if got := vocabulary.Near("ruunning"); got[0] != "running" {
		t.Errorf("near ruunning are %v: the typing mistake does not come first", got)
	}
	for _, word := range []string{"", "q", "zzzzzzzz", "\xff\xfe", "日本語の言葉"} {
		if got := vocabulary.Near(word); len(got) > 0 {
			t.Errorf("near %q are %v", word, got)
		}
	}
}

// A type with a letter left out, or with two that changed places, leads back to it.
func TestATypingMistakeLeadsToItsType(t *testing.T) {
	for _, name := range vocabulary.Types() {
		for i := 0; i < len(name)-1; i += 3 {
			for _, typed := range []string{name[:i] + name[i+1:], name[:i] + name[i+1:i+2] + name[i:i+1] + name[i+2:]} {
				if !slices.Contains(vocabulary.Near(typed), name) {
					t.Errorf("%s typed as %s finds %v", name, typed, vocabulary.Near(typed))
				}
			}
		}
	}
}

func FuzzNear(f *testing.F) {
	for _, word := range []string{"", "ruunning", "_", "___", "\xff", "weights"} {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		near := vocabulary.Near(word)
		if len(near) > 5 {
			t.Errorf("near %q are %d words", word, len(near))
		}
		for _, n := range near {
			if vocabulary.Resolve(n) == nil {
				t.Errorf("near %q is %s, which stands for nothing", word, n)
			}
		}
	})
}
