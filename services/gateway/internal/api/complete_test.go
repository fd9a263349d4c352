package api_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/services/gateway/conformance"
	"github.com/stridelog/stridelog/services/gateway/internal/openapi"
)

// units are the words of which the description of every number has one: what is
// counted, what it is measured in, or what gives it its place.
var units = regexp.MustCompile(`(?i)\b(seconds|minutes|days|metres|kilometre|kilocalories|beats per minute|bytes|HTTP status|number|how often|sequence|counted from 1|messages|records|rows|users|position)\b`)

// incomplete says what an operation, a parameter or a member does not tell its reader.
func incomplete(t *testing.T, text []byte, d *openapi.Document) (faults []string) {
	t.Helper()
	contract, err := conformance.New(text)
	if err != nil {
		return []string{err.Error()}
	}
	for _, o := range d.Operations {
		fault := func(format string, args ...any) {
			faults = append(faults, o.Method+" "+o.Path+": "+fmt.Sprintf(format, args...))
		}
		for _, p := range o.Parameters {
			if p.Description == "" {
				fault("parameter %s is not described", p.Name)
			}
		}
		for _, status := range necessary(o) {
			if _, ok := o.Responses[strconv.Itoa(status)]; !ok {
				fault("does not name its answer %d", status)
			}
		}
		if o.Body != nil && o.Body.Example == nil {
			fault("the body has no example")
		}
		for status, r := range o.Responses {
			if r.Description == "" {
				fault("answer %s is not described", status)
			}
			for media, content := range r.Content {
				if content.Example == nil {
					fault("answer %s has no example of %s", status, media)
					continue
				}
				for _, out := range contract.Disorder(content.Schema, content.Example) {
					fault("the example of answer %s: %s", status, out)
				}
			}
		}
	}
	return append(faults, silentMembers(parse(t, text))...)
}

// necessary are the statuses that follow from what an operation takes: every query and
// every path is checked, and so is every key, against a database; what is named in the
// path may not be there; a body may be of the wrong kind, or too large. What else an
// operation can answer, package gatewaytest sees in the tests of the routes.
func necessary(o openapi.Operation) []int {
	statuses := []int{400}
	if !o.Public {
		statuses = append(statuses, 401, 429, 503)
	}
	if strings.Contains(o.Path, "{") {
		statuses = append(statuses, 404)
	}
	if o.Body != nil || len(o.Uploads) > 0 {
		statuses = append(statuses, 413, 415)
	}
	return statuses
}

// silentMembers walks the whole document: every member of every schema is described,
// by itself or by the schema that it refers to, and a number says its unit.
func silentMembers(document any) (faults []string) {
	var walk func(pointer string, node any)
	walk = func(pointer string, node any) {
		switch n := node.(type) {
		case []any:
			for i, item := range n {
				walk(pointer+"/"+strconv.Itoa(i), item)
			}
		case map[string]any:
			members, _ := n["properties"].(map[string]any)
			for name, member := range members {
				if fault := silent(member); fault != "" {
					faults = append(faults, pointer+"/properties/"+name+": "+fault)
				}
			}
			for name, child := range n {
				if name != "example" && name != "examples" {
					walk(pointer+"/"+name, child)
				}
			}
		}
	}
	walk("", document)
	slices.Sort(faults)
	return faults
}

// silent says what the schema of a member does not say.
func silent(member any) string {
	schema, ok := member.(map[string]any)
	if !ok {
		return "is no schema"
	}
	about, _ := schema["description"].(string)
	if about == "" {
		return "is not described"
	}
	types, isList := schema["type"].([]any)
	if !isList {
		types = []any{schema["type"]}
	}
	if (slices.Contains(types, "integer") || slices.Contains(types, "number")) && !units.MatchString(about) {
		return "does not say its unit: " + about
	}
	return ""
}
