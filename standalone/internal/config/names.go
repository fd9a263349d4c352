package config

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/stridelog/stridelog/platform/env"
	"github.com/stridelog/stridelog/platform/telemetry"
)

const (
	// family is how many settings must share a prefix until the whole prefix counts as
	// ours: HTTP_ and NATS_ are also those of other programs.
	family = 3
	// slip is how many letters a name with a prefix of nobody's may differ from one of
	// ours and still be taken for it.
	slip = 2

	fileSuffix = "_FILE"
)

// Names are the variables that Load reads, in alphabetical order: those of each command,
// and the files that may hold secrets (NAME_FILE). Load itself tells them, so the list
// cannot fall behind.
func Names() []string {
	return asked(func(lookup func(string) (string, bool)) {
		_, _ = Load(lookup, Needs{Stores: StoresRequired, SealingKey: true}) // nothing is set, which is a fault
	})
}

// Foreign are those of Names that OpenTelemetry defines.
func Foreign() []string {
	return asked(func(lookup func(string) (string, bool)) { telemetry.TracingWanted(env.New(lookup)) })
}

// asked are the names that read looks up.
func asked(read func(lookup func(string) (string, bool))) []string {
	names := map[string]bool{}
	read(func(name string) (string, bool) {
		names[name] = true
		return "", false
	})
	return slices.Sorted(maps.Keys(names))
}

// Unknown is a variable that looks like one of ours and that nothing reads.
type Unknown struct {
	Name string
	Near string // the name that was probably meant; empty: none is near
}

// UnknownNames are the variables of an environment (NAME=value each) that begin like
// ours, or are nearly one of ours, and that nothing reads. Values are not looked at.
func UnknownNames(environ []string) []Unknown {
	names := Names()
	foreign := Foreign()
	own := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(foreign, name) })
	prefixes := prefixesOf(own)
	var list []Unknown
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if slices.Contains(names, name) {
			continue
		}
		upper := strings.ToUpper(name)
		near, distance := nearest(upper, own)
		switch {
		case slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(upper, p) }):
			if distance > len(name)/3 {
				near = ""
			}
			list = append(list, Unknown{name, near})
		case distance <= slip && len(name) > 2*slip:
			list = append(list, Unknown{name, near})
		}
	}
	slices.SortFunc(list, func(a, b Unknown) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// prefixesOf are what at least three settings begin with, to an underscore: the longest
// that all settings with the same first word share.
func prefixesOf(names []string) []string {
	groups := map[string][]string{}
	for _, name := range names {
		if word, _, ok := strings.Cut(name, "_"); ok && !strings.HasSuffix(name, fileSuffix) {
			groups[word] = append(groups[word], name)
		}
	}
	var prefixes []string
	for _, word := range slices.Sorted(maps.Keys(groups)) {
		group := groups[word]
		if len(group) < family {
			continue
		}
		shared := group[0]
		for _, name := range group {
			for !strings.HasPrefix(name, shared) {
				shared = shared[:len(shared)-1]
			}
		}
		prefixes = append(prefixes, shared[:strings.LastIndex(shared, "_")+1])
	}
	return prefixes
}

// nearest is the name that differs least from text, and in how many letters.
func nearest(text string, names []string) (near string, distance int) {
	distance = len(text) + 1
	for _, name := range names {
		if d := letters(text, name); d < distance {
			near, distance = name, d
		}
	}
	return near, distance
}

// letters is how many letters must be changed, added or taken away to make a from b.
func letters(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := before
			if a[i] != b[j] {
				changed++
			}
			before = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
