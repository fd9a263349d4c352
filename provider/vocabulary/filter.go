package vocabulary

import (
	"cmp"
	"slices"
	"strings"
)

// Resolve gives the types that a word of a filter asks for: a type itself, or what a word
// of Open Wearables stands for; none when it is neither. A word without a pair stands for
// itself, which no workout is. Case does not matter.
func Resolve(word string) []string {
	word = strings.ToLower(word)
	if Known(word) {
		return []string{word}
	}
	return both(word)
}

// Named gives the types that have a word as either name: as their own, or as what Open
// Wearables calls them. It knows the words that Resolve knows.
func Named(word string) []string {
	word = strings.ToLower(word)
	types := both(word)
	if Known(word) && !slices.Contains(types, word) {
		types = append(types, word)
	}
	return types
}

func both(word string) []string {
	types, known := FromOpenWearables(word)
	if known && len(types) == 0 {
		return []string{word}
	}
	return types
}

// Words lists every word that Resolve knows, in alphabetical order.
func Words() []string {
	words := append(Types(), OpenWearablesWords()...)
	slices.Sort(words)
	return slices.Compact(words)
}

const (
	// mostNear is how many words Near gives at most.
	mostNear = 5
	// shortest is how many letters a part of a word needs to say anything.
	shortest = 3
	// lettersAnEdit is how many letters of a word one typing mistake is allowed for.
	lettersAnEdit = 4
)

// Near gives words that Resolve knows and that are written like one that it does not
// know, the nearest first: those that differ by typing mistakes, then those that begin
// like it or have it as a part. There may be none.
func Near(word string) []string {
	type candidate struct {
		word  string
		typo  bool
		edits int
	}
	asked := strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(word))
	var found []candidate
	for _, known := range Words() {
		c := candidate{word: known, edits: edits(asked, known)}
		c.typo = c.edits <= max(1, len(asked)/lettersAnEdit)
		if c.typo || related(asked, known) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		if a.typo != b.typo {
			return map[bool]int{true: -1, false: 1}[a.typo]
		}
		return cmp.Or(cmp.Compare(a.edits, b.edits), cmp.Compare(a.word, b.word))
	})
	near := make([]string, 0, mostNear)
	for _, c := range found[:min(mostNear, len(found))] {
		near = append(near, c.word)
	}
	return near
}

// related says whether one word begins with the other, or has it as one of the parts
// between its underscores.
func related(asked, known string) bool {
	if min(len(asked), len(known)) < shortest {
		return false
	}
	return strings.HasPrefix(known, asked) || strings.HasPrefix(asked, known) ||
		slices.Contains(strings.Split(known, "_"), asked) || slices.Contains(strings.Split(asked, "_"), known)
}

// edits counts the typing mistakes between two words: a letter more, less or other, or
// two that changed places.
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			other := last[j-1]
			if a[i-1] != b[j-1] {
				other++
			}
			row[j] = min(last[j]+1, row[j-1]+1, other)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
