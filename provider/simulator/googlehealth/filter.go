package googlehealth

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// filterField is the one field that exercise can be filtered by.
const filterField = "exercise.interval.civil_start_time"

// bounds are the civil times that a filter asks for: from included, until not.
// They are kept as if they were UTC; zero is no bound.
type bounds struct{ from, until time.Time }

func (b bounds) hold(start time.Time) bool {
	civil := civilTime(start)
	return !civil.Before(b.from) && (b.until.IsZero() || civil.Before(b.until))
}

// civilTime is what the clock on the wall showed, as if it were UTC.
func civilTime(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// tokenForm splits a filter into words, comparators, texts and what is neither.
var tokenForm = regexp.MustCompile(`"[^"]*"|[A-Za-z_][A-Za-z0-9_.]*|>=|<=|!=|[<>=:]|[()]|\S`)

var fieldForm = regexp.MustCompile(`^[a-z_]+(\.[a-z_]+)+$`)

// readFilter takes the part of AIP-160 that the API knows: restrictions of one
// field by >= and <, joined by AND.
func readFilter(filter string) (bounds, *problem) {
	var b bounds
	tokens := tokenForm.FindAllString(filter, -1)
	if len(tokens) == 0 {
		return b, nil
	}
	fields := ""
	for {
		if p := readRestriction(&b, &fields, &tokens); p != nil {
			return b, p
		}
		if len(tokens) == 0 {
			break
		}
		switch joint := tokens[0]; {
		case joint == "OR" || joint == "NOT" || joint == "(" || joint == ")":
			return b, filterProblem("EXPRESSION_STRUCTURE", "only AND joins the restrictions of a filter, not "+joint)
		case joint != "AND":
			return b, filterProblem("SYNTAX", "a filter goes on with AND, not with "+joint)
		}
		tokens = tokens[1:]
	}
	if !b.from.IsZero() && !b.until.IsZero() && !b.from.Before(b.until) {
		p := invalid("INVALID_TIME_RANGE", "The start of the time range is not before its end.")
		return b, &p
	}
	return b, nil
}

// readRestriction takes the next three tokens.
func readRestriction(b *bounds, fields *string, tokens *[]string) *problem {
	t := *tokens
	switch {
	case len(t) < 3:
		return filterProblem("MISSING_TOKEN", "a restriction is a field, a comparator and a text in quotes")
	case t[0] == "(" || t[0] == "NOT":
		return filterProblem("EXPRESSION_STRUCTURE", "a filter has no "+t[0])
	case !fieldForm.MatchString(t[0]):
		return filterProblem("SYNTAX", t[0]+" is not a field")
	}
	field, comparator, literal := t[0], t[1], t[2]
	if p := checkField(field, *fields); p != nil {
		return p
	}
	*fields += field + " "
	switch {
	case comparator == ">" || comparator == "<=" || comparator == "=" || comparator == "!=" || comparator == ":":
		return filterProblem("RESTRICTION_COMPARATOR", "only >= and < compare, not "+comparator)
	case comparator != ">=" && comparator != "<":
		return filterProblem("SYNTAX", comparator+" is not a comparator")
	case !strings.HasPrefix(literal, `"`) || len(literal) < 2:
		return filterProblem("SYNTAX", "the literal "+literal+" is not in double quotes")
	}
	at, ok := readCivil(strings.Trim(literal, `"`))
	if !ok {
		return filterProblem("CIVIL_DATE_TIME_FORMAT", literal+" is not YYYY-MM-DD or YYYY-MM-DDTHH:mm:ss")
	}
	bound := &b.until
	if comparator == ">=" {
		bound = &b.from
	}
	if !bound.IsZero() {
		return filterProblem("EXPRESSION_STRUCTURE", "a filter has one lower and one upper bound")
	}
	*bound = at
	*tokens = t[3:]
	return nil
}

// checkField says what is wrong with any but the one field.
func checkField(field, before string) *problem {
	if field == filterField {
		return nil
	}
	collection, _, _ := strings.Cut(field, ".")
	physical := field == "exercise.interval.start_time"
	switch {
	case collection != "exercise":
		return filterProblem("COLLECTION_MISMATCH", "the filter names "+collection+", the collection is exercise")
	case physical && strings.Contains(before, filterField):
		return filterProblem("MIXED_TIME_RESTRICTIONS", "a filter does not mix physical and civil times")
	default:
		return filterProblem("DATA_TYPE_MEMBER", field+" is not a member that exercise is filtered by")
	}
}

func readCivil(text string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil && t.Format(layout) == text {
			return t, true
		}
	}
	return time.Time{}, false
}

func filterProblem(reason, message string) *problem {
	p := invalid("INVALID_DATA_POINT_FILTER_"+reason, "The filter is invalid.")
	p.Metadata = map[string]string{"detailedReasons": fmt.Sprintf("INVALID_DATA_POINT_FILTER_%s: %s", reason, message)}
	return &p
}
