package conformance_test

import (
	"strings"
	"testing"

	"github.com/stridelog/stridelog/services/gateway/conformance"
)

const document = `{
 "paths": {"/rows/{id}": {"get": {"operationId": "row", "security": [], "responses": {
   "200": {"description": "A row.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Row"}}}},
   "204": {"description": "None."},
   "404": {"$ref": "#/components/responses/P"},
   "default": {"$ref": "#/components/responses/P"}}}}},
 "components": {
  "responses": {"P": {"description": "A problem.", "content": {"application/problem+json": {"schema": {"type": "object", "required": ["code"], "properties": {"code": {"type": "string"}}}}}}},
  "schemas": {
   "Base": {"type": "object", "required": ["z", "a"], "properties": {"z": {"type": "integer"}, "a": {"type": "string", "format": "date-time"}}},
   "Row": {"allOf": [{"$ref": "#/components/schemas/Base"}, {"properties": {
     "list": {"type": "array", "items": {"type": "object", "properties": {"two": {}, "one": {}}}},
     "maybe": {"oneOf": [{"$ref": "#/components/schemas/Base"}, {"type": "null"}]},
     "counts": {"type": "object", "additionalProperties": {"type": "integer"}}, "free": {"type": "object"}}}]}}}}`

func TestAnswersAreHeldToTheDocument(t *testing.T) {
	c, err := conformance.New([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	const at, when = "/rows/7", `"2026-09-01T00:00:00Z"`
	for name, step := range map[string]struct {
		status            int
		media, body, want string
	}{
		"good":            {200, "application/json; charset=utf-8", `{"z":1,"a":` + when + `,"list":[{"two":1,"one":2}],"maybe":null,"counts":{"b":1,"a":2},"free":{"y":1,"b":2}}`, ""},
		"a status":        {409, "application/problem+json", `{"code":"x"}`, "answers 409, which it does not name"},
		"our own fault":   {500, "application/problem+json", `{"code":"x"}`, ""},
		"a media type":    {200, "text/plain", `{}`, `is "text/plain", which`},
		"a body":          {204, "application/json", `{}`, "has a body"},
		"no body":         {204, "", ``, ""},
		"a type":          {200, "application/json", `{"z":"1","a":` + when + `}`, "at '/z'"},
		"a format":        {200, "application/json", `{"z":1,"a":"yesterday"}`, "at '/a'"},
		"a lack":          {200, "application/json", `{"z":1}`, "missing property 'a'"},
		"no JSON":         {200, "application/json", `{"z":1`, "unexpected EOF"},
		"an order":        {200, "application/json", `{"a":` + when + `,"z":1}`, "/z: stands after a"},
		"an order below":  {200, "application/json", `{"z":1,"a":` + when + `,"list":[{"two":1},{"one":2,"two":1}]}`, "/list/1/two: stands after one"},
		"a choice":        {200, "application/json", `{"z":1,"a":` + when + `,"maybe":{"a":` + when + `,"z":1}}`, "/maybe/z: stands after a"},
		"an unknown":      {200, "application/json", `{"z":1,"a":` + when + `,"extra":1}`, "/extra: is not described"},
		"a known problem": {404, "application/problem+json", `{"code":"x"}`, ""},
		"a bad problem":   {404, "application/problem+json", `{"code":1}`, "at '/code'"},
	} {
		got := strings.Join(c.Faults(conformance.Answer{Method: "GET", Path: at, Status: step.status, ContentType: step.media, Body: []byte(step.body)}), "\n")
		if (got == "") != (step.want == "") || !strings.Contains(got, step.want) {
			t.Errorf("%s: found %q, want %q", name, got, step.want)
		}
	}
	if got := c.Faults(conformance.Answer{Method: "GET", Path: "/rows", Status: 200}); len(got) != 1 {
		t.Errorf("a route that is not there: %v", got)
	}
	for path, named := range map[string]bool{at: false, "/rows/": true, "/rows": true} {
		if got := c.Named("GET", path, 409); (got == "") != named {
			t.Errorf("%s answers 409: %q", path, got)
		}
	}
	if got := c.Named("GET", at, 500); got != "" {
		t.Error(got)
	}
}

func TestWhatIsNoDocumentIsAnError(t *testing.T) {
	for _, text := range []string{"", "[]", `{"paths": 1}`} {
		if _, err := conformance.New([]byte(text)); err == nil {
			t.Errorf("%q is a document", text)
		}
	}
}
