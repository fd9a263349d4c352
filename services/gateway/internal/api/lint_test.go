package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/stridelog/stridelog/services/gateway/conformance"
	"github.com/stridelog/stridelog/services/gateway/internal/api"
	"github.com/stridelog/stridelog/services/gateway/internal/openapi"
)

const documentName = "openapi.json"

func TestTheDocumentIsValidOpenAPI(t *testing.T) {
	text, err := os.ReadFile("testdata/openapi/3.1.json")
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	add(t, compiler, "openapi-3.1.json", text)
	official, err := compiler.Compile("openapi-3.1.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := official.Validate(parse(t, api.Document())); err != nil {
		t.Error(err)
	}
	for name, change := range map[string][2]string{
		"an unknown member":     {`"operationId"`, `"operationID"`},
		"a parameter's place":   {`"in": "query"`, `"in": "quarry"`},
		"a response's text":     {`"description": "One page of users."`, `"about": "One page of users."`},
		"the kind of a key":     {`"type": "apiKey"`, `"type": "key"`},
		"the document's titles": {`"title": "Stridelog"`, `"name": "Stridelog"`},
	} {
		broken := bytes.ReplaceAll(api.Document(), []byte(change[0]), []byte(change[1]))
		if bytes.Equal(broken, api.Document()) {
			t.Errorf("the control %s changed nothing", name)
		} else if official.Validate(parse(t, broken)) == nil {
			t.Errorf("the official schema accepts a fault in %s", name)
		}
	}
}

func TestTheDocumentKeepsOurRules(t *testing.T) {
	if faults := lint(t, api.Document()); len(faults) > 0 {
		t.Error(strings.Join(faults, "\n"))
	}
	// The controls: each rule finds what breaks it.
	for name, change := range map[string][2]string{
		"has no summary":          {`"summary": "List users"`, `"summary": ""`},
		"has no operationId":      {`"operationId": "listUsers"`, `"operationId": ""`},
		"is not unique":           {`"operationId": "getUser"`, `"operationId": "listUsers"`},
		"is not declared":         {`"tags": [` + "\n     \"users\"\n    ]", `"tags": ["folk"]`},
		"problem+json":            {`"application/problem+json": {`, `"application/json": {`},
		"is not used":             {`"Window": {`, `"Casement": {}, "Window": {`},
		"does not fit its schema": {`"example": "2026-09-01"`, `"example": 2026`},
		"at '/status'":            {`"status": 400`, `"status": "400"`},
		"no answer for errors":    {`"default": {`, `"x-default": {`},
		"User/properties/last_name: is not described":             {`"description": "Family name, as you sent it."`, `"description": ""`},
		"HeartRateZone/properties/min_bpm: does not say its unit": {`"Lower bound, in beats per minute; null when the provider does not tell it."`, `"Lower bound."`},
		"parameter search is not described":                       {`"description": "Part of a first name`, `"title": "Part of a first name`},
		"answer 410 is not described":                             {`"description": "The provider no longer has the workout."`, `"description": ""`},
		"POST /api/v1/users: the body has no example":             {`"example": {` + "\n        " + `"external_user_id"`, `"x-example": {` + "\n        " + `"external_user_id"`},
		"answer 200 has no example of application/json":           {`"example": {`, `"x-example": {`},
		"answer 200 has no example of text/plain":                 {`"example": "# HELP`, `"x-example": "# HELP`},
		"does not name its answer 400":                            {`"400": {`, `"499": {`},
		"does not name its answer 401":                            {`"401": {`, `"499": {`},
		"does not name its answer 404":                            {`"404": {`, `"499": {`},
		"does not name its answer 413":                            {`"413": {`, `"499": {`},
		"does not name its answer 415":                            {`"415": {`, `"499": {`},
		"does not name its answer 429":                            {`"429": {`, `"499": {`},
		"does not name its answer 503":                            {`"503": {`, `"499": {`},
		"the example of answer 200: /has_next: stands after":      {`"pages": 1,`, `"pages": 1, "has_prev": false,`},
		"the example of answer 200: /sheets: is not described":    {`"pages": 1,`, `"sheets": 1,`},
		"valid date-time":                                         {`"created_at": "2026-09-01T08:12:31.499361Z"`, `"created_at": "yesterday"`},
		"missing property 'pages'":                                {`"pages": 1,`, ``},
	} {
		broken := bytes.ReplaceAll(api.Document(), []byte(change[0]), []byte(change[1]))
		if !strings.Contains(strings.Join(lint(t, broken), "\n"), name) {
			t.Errorf("nothing says that it %s", name)
		}
	}
}

// lint says what breaks the rules that the official schema does not know.
func lint(t *testing.T, text []byte) []string {
	t.Helper()
	d, err := openapi.Read(text)
	if err != nil {
		return []string{err.Error()}
	}
	tags := declaredTags(t, text)
	faults := unusedComponents(t, text)
	seen := map[string]bool{}
	for _, o := range d.Operations {
		fault := func(format string, args ...any) {
			faults = append(faults, o.Method+" "+o.Path+": "+fmt.Sprintf(format, args...))
		}
		switch {
		case o.ID == "":
			fault("has no operationId")
		case seen[o.ID]:
			fault("operationId %s is not unique", o.ID)
		}
		seen[o.ID] = true
		if o.Summary == "" {
			fault("has no summary")
		}
		if len(o.Tags) == 0 {
			fault("has no tag")
		}
		for _, tag := range o.Tags {
			if !slices.Contains(tags, tag) {
				fault("tag %s is not declared", tag)
			}
		}
		if _, ok := o.Responses["default"]; !ok {
			fault("has no answer for errors")
		}
		for status, r := range o.Responses {
			if code, err := strconv.Atoi(status); err == nil && code < 400 {
				continue
			}
			types := 1
			if _, forPeople := r.Content["text/html"]; forPeople {
				types++
			}
			if _, ok := r.Content["application/problem+json"]; !ok || len(r.Content) != types {
				fault("answer %s is not problem+json, for people beside a page, alone", status)
			}
		}
	}
	faults = append(faults, incomplete(t, text, d)...)
	return append(faults, badExamples(t, text)...)
}

func declaredTags(t *testing.T, text []byte) (names []string) {
	t.Helper()
	var d struct{ Tags []struct{ Name string } }
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	for _, tag := range d.Tags {
		names = append(names, tag.Name)
	}
	return names
}

func unusedComponents(t *testing.T, text []byte) (faults []string) {
	t.Helper()
	var d struct {
		Components map[string]map[string]any `json:"components"`
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	for kind, members := range d.Components {
		for name := range members {
			use := `"#/components/` + kind + "/" + name + `"`
			if kind == "securitySchemes" {
				use = `"` + name + `": []`
			}
			if !bytes.Contains(text, []byte(use)) {
				faults = append(faults, fmt.Sprintf("components/%s/%s is not used", kind, name))
			}
		}
	}
	return faults
}

// badExamples walks the whole document: wherever an example stands beside a
// schema, or examples in one, they must fit it.
func badExamples(t *testing.T, text []byte) (faults []string) {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	add(t, compiler, documentName, text)
	check := func(pointer string, example any) {
		compiled, err := compiler.Compile(documentName + "#" + pointer)
		if err == nil {
			err = compiled.Validate(example)
		}
		if err != nil {
			faults = append(faults, fmt.Sprintf("the example of %s does not fit its schema: %v", pointer, err))
		}
	}
	var walk func(pointer string, node any)
	walk = func(pointer string, node any) {
		switch n := node.(type) {
		case []any:
			for i, item := range n {
				walk(pointer+"/"+strconv.Itoa(i), item)
			}
		case map[string]any:
			if _, described := n["schema"]; described && n["example"] != nil {
				check(pointer+"/schema", n["example"])
			}
			if list, ok := n["examples"].([]any); ok {
				for _, example := range list {
					check(pointer, example)
				}
			}
			for name, child := range n {
				if name != "example" {
					walk(pointer+"/"+conformance.Escape(name), child)
				}
			}
		}
	}
	walk("", parse(t, text))
	return faults
}

func add(t *testing.T, c *jsonschema.Compiler, name string, text []byte) {
	t.Helper()
	if err := c.AddResource(name, parse(t, text)); err != nil {
		t.Fatal(err)
	}
}

func parse(t *testing.T, text []byte) any {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
