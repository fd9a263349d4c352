package vocabulary_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/provider/vocabulary"
)

// The types that Open Wearables has no word for: there they are "other".
func withoutWord() []string {
	return []string{"billiards", "croquet", "electric_scooter", "musical_performance", "polo", "scootering", "shooting", "skydiving"}
}

// The words of Open Wearables that no type here has.
func withoutPair() []string {
	return []string{
		"backcountry_skiing", "boating", "bouldering", "casual_walking", "cyclocross", "fitness_equipment", "floorball", "lifestyle",
		"mountaineering", "operations", "paddling", "para_sports", "play", "recovery", "team_sports", "trail_hiking", "transition",
		"triathlon", "virtual_activity", "winter_sports", "work",
	}
}

func TestEveryWordOfOpenWearablesHasAPairOrIsSaidToHaveNone(t *testing.T) {
	text, err := os.ReadFile("testdata/open_wearables_types.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(string(text))
	if len(want) != 117 {
		t.Fatalf("the restated list has %d words, not 117", len(want))
	}
	if got := vocabulary.OpenWearablesWords(); !slices.Equal(got, want) {
		t.Errorf("words are\n%v\nwant\n%v", got, want)
	}
	var alone []string
	same := 0
	for _, word := range want {
		types, known := vocabulary.FromOpenWearables(word)
		if !known {
			t.Errorf("%s is not known", word)
		}
		if len(types) == 0 {
			alone = append(alone, word)
		}
		for _, name := range types {
			if !vocabulary.Known(name) {
				t.Errorf("%s stands for %s, which is no type", word, name)
			}
		}
		if vocabulary.Known(word) {
			same++
			if !slices.Contains(types, word) {
				t.Errorf("%s is a type here too, and stands for %v without it", word, types)
			}
		}
	}
	if !slices.Equal(alone, withoutPair()) {
		t.Errorf("without a pair are\n%v\nwant\n%v", alone, withoutPair())
	}
	if same != 65 {
		t.Errorf("%d words are the same on both sides, not 65", same)
	}
}

func TestEveryTypeHasOneWordOfOpenWearablesOrIsSaidToHaveNone(t *testing.T) {
	words := vocabulary.OpenWearables()
	var alone []string
	for _, name := range vocabulary.Types() {
		word, ok := words[name]
		if !ok {
			alone = append(alone, name)
			continue
		}
		of := 0
		for _, other := range vocabulary.OpenWearablesWords() {
			// alpine_skiing is another word for downhill_skiing, and is never said.
			if types, _ := vocabulary.FromOpenWearables(other); other != "alpine_skiing" && slices.Contains(types, name) {
				of++
			}
		}
		if types, _ := vocabulary.FromOpenWearables(word); of != 1 || !slices.Contains(types, name) {
			t.Errorf("%s is said as %s and stands in %d rows", name, word, of)
		}
	}
	if !slices.Equal(alone, withoutWord()) {
		t.Errorf("without a word are\n%v\nwant\n%v", alone, withoutWord())
	}
	if len(words)+len(alone) != len(vocabulary.Types()) {
		t.Errorf("the table has %d types, some of which are none", len(words))
	}
}

func TestWordsOfOpenWearablesStandForSeveralTypes(t *testing.T) {
	for word, want := range map[string][]string{
		"cycling":       {"biking", "hand_cycling", "outdoor_bike", "unicycling"},
		"CYCLING":       {"biking", "hand_cycling", "outdoor_bike", "unicycling"},
		"alpine_skiing": {"skiing"},
		"generic":       {"outdoor_workout", "workout"},
		"triathlon":     {},
	} {
		if got, known := vocabulary.FromOpenWearables(word); !known || !slices.Equal(got, want) {
			t.Errorf("%s stands for %v (known: %v), want %v", word, got, known, want)
		}
	}
	if got, known := vocabulary.FromOpenWearables("biking"); known || len(got) != 0 {
		t.Errorf("biking is no word of Open Wearables, got %v", got)
	}
	// Fitbit's Weights is a run there, by a fault of theirs; here it is what it says.
	if word := vocabulary.OpenWearables()["weights"]; word != "strength_training" {
		t.Errorf("weights is %q", word)
	}
}
