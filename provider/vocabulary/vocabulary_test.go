package vocabulary_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/provider/vocabulary"
)

// testdata/exercise_types.txt restates the enum as the facts list it.
func enum(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/exercise_types.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

func TestTypesAreTheEnum(t *testing.T) {
	want := enum(t)
	slices.Sort(want)
	if len(want) != 181 {
		t.Fatalf("the restated enum has %d values, not 181", len(want))
	}
	if got := vocabulary.Types(); !slices.Equal(got, want) {
		t.Errorf("types are\n%v\nwant\n%v", got, want)
	}
}

func TestEveryTypeHasOneOfTheCategories(t *testing.T) {
	categories := vocabulary.Categories()
	used := map[string]bool{}
	form := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	for _, name := range vocabulary.Types() {
		category := vocabulary.Category(name)
		if !slices.Contains(categories, category) {
			t.Errorf("%s has category %q, which is not in the list", name, category)
		}
		if !form.MatchString(name) {
			t.Errorf("%q is not lower_snake_case", name)
		}
		used[category] = true
	}
	for _, c := range categories {
		if !used[c] {
			t.Errorf("no type has category %s", c)
		}
	}
}

func TestGenericTypes(t *testing.T) {
	for _, name := range []string{vocabulary.Other, vocabulary.Workout, vocabulary.Sport} {
		if !vocabulary.Known(name) || !vocabulary.Generic(name) {
			t.Errorf("%s must be known and generic", name)
		}
	}
	var generic []string
	for _, name := range vocabulary.Types() {
		if vocabulary.Generic(name) {
			generic = append(generic, name)
		}
	}
	if len(generic) != 3 {
		t.Errorf("generic types are %v, want exactly other, sport and workout", generic)
	}
}

func TestATypeOfALaterListIsUnknownAndGeneric(t *testing.T) {
	for _, name := range []string{"", "pickleball", "RUNNING", "underwater_chess"} {
		if vocabulary.Known(name) {
			t.Errorf("%q is known", name)
		}
		if !vocabulary.Generic(name) || vocabulary.Category(name) != vocabulary.CategoryOther {
			t.Errorf("%q is not generic and other", name)
		}
	}
	if !vocabulary.Known("pickelball") {
		t.Error("pickelball keeps Google's spelling")
	}
}
