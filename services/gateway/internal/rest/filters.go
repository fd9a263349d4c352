package rest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stridelog/stridelog/provider/vocabulary"
	"github.com/stridelog/stridelog/services/gateway/internal/api"
	"github.com/stridelog/stridelog/services/gateway/internal/contract"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

// typesAsked are the workout types that a filter asks for, sorted; none asks for all.
// record_type is Open Wearables' parameter: it asks by both names that a type has. type
// takes a word of ours for that type alone.
func typesAsked(recordType, typ []string) ([]string, error) {
	asked, err := resolve("record_type", recordType, func(word string) ([]string, string) { return workoutTypes(word, vocabulary.Named) })
	if err != nil {
		return nil, err
	}
	exact, err := resolve("type", typ, func(word string) ([]string, string) { return workoutTypes(word, vocabulary.Resolve) })
	switch {
	case err != nil:
		return nil, err
	case len(exact) == 0:
		return asked, nil
	case len(asked) > 0 && !sameWords(recordType, typ):
		return nil, problem.InvalidField("type", "is another name of record_type and asks for something else: send one of them")
	}
	return exact, nil
}

// sameWords says whether two lists of a query have the same words, in any order and case.
func sameWords(a, b []string) bool {
	words := func(given []string) []string {
		all := contract.Words(given)
		for i, w := range all {
			all[i] = strings.ToLower(w)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	return slices.Equal(words(a), words(b))
}

// includes says whether a query asks for more in its answer.
func includes(asked *[]api.ListWorkoutsParamsInclude, what api.ListWorkoutsParamsInclude) bool {
	for _, given := range or(asked, nil) {
		if slices.Contains(strings.Split(string(given), ","), string(what)) {
			return true
		}
	}
	return false
}

// providersAsked are the providers that a filter asks for, sorted; none asks for all.
func (s *server) providersAsked(given []string) ([]string, error) {
	return resolve("provider", given, func(word string) ([]string, string) {
		names := make([]string, 0, len(s.o.Catalog))
		for _, d := range s.o.Catalog {
			if d.Name == s.named(word) {
				return []string{d.Name}, ""
			}
			names = append(names, d.Name)
		}
		return nil, "is not a provider of this installation: known are " + strings.Join(names, ", ")
	})
}

// workoutTypes are the types that a word asks for. For a word that is not known it says
// what to write.
func workoutTypes(word string, meaning func(word string) []string) (types []string, says string) {
	if types = meaning(word); len(types) > 0 {
		return types, ""
	}
	if near := vocabulary.Near(word); len(near) > 0 {
		return nil, "is not a workout type: did you mean " + strings.Join(near, ", ") + "?"
	}
	return nil, "is not a workout type: known are " + vocabulary.Origin + ", and the words of Open Wearables, such as " +
		strings.Join([]string{"running", "walking", "biking", "swimming", "strength_training"}, ", ")
}

// resolve turns the values of a parameter into what its filter looks for, sorted and
// each once. The first value that is not known is a 400.
func resolve(parameter string, given []string, meaning func(word string) (found []string, says string)) ([]string, error) {
	var all []string
	for _, word := range contract.Words(given) {
		found, says := meaning(word)
		if says != "" {
			return nil, problem.InvalidField(parameter, fmt.Sprintf("%q %s", word, says))
		}
		all = append(all, found...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
