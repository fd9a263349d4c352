package openapi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/services/gateway/internal/openapi"
)

const small = `{
 "paths": {"/b": {"get": {"operationId": "b", "security": [], "responses": {"default": {"$ref": "#/components/responses/P"}}}},
  "/a/{id}": {
   "parameters": [{"$ref": "#/components/parameters/ID"}],
   "post": {"operationId": "a", "security": [{"K": ["read"]}, {"L": ["read"]}], "parameters": [{"name": "q", "in": "query"}], "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S"}}}}}}},
 "components": {
  "parameters": {"ID": {"name": "id", "in": "path", "required": true}},
  "responses": {"P": {"description": "A problem."}},
  "schemas": {"S": {"type": ["string", "null"]}}}}`

func TestReferencesAreResolved(t *testing.T) {
	d, err := openapi.Read([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Operations) != 2 || d.Operations[0].ID != "b" || d.Operations[1].ID != "a" {
		t.Fatalf("operations: %+v", d.Operations)
	}
	b, a := d.Operations[0], d.Operations[1]
	if a.Public || !b.Public {
		t.Errorf("public: %v and %v", a.Public, b.Public)
	}
	if a.Scope != "read" || b.Scope != "" {
		t.Errorf("scopes: %q and %q", a.Scope, b.Scope)
	}
	if len(a.Parameters) != 2 || a.Parameters[0].Name != "id" || a.Parameters[1].Name != "q" {
		t.Errorf("parameters: %+v", a.Parameters)
	}
	if s := d.Resolve(a.Body.Schema); s == nil || !slices.Equal(s.Type, []string{"string", "null"}) {
		t.Errorf("body: %+v", s)
	}
	if got := b.Responses["default"].Description; got != "A problem." {
		t.Errorf("answer: %q", got)
	}
}

func TestWhatCannotBeReadIsAnError(t *testing.T) {
	for what, change := range map[string][2]string{
		"#/components/parameters/XD does not exist": {`parameters/ID"`, `parameters/XD"`},
		"#/components/responses/X does not exist":   {`responses/P"`, `responses/X"`},
		`"summary" is no method`:                    {`"post"`, `"summary"`},
		"its body has no JSON schema":               {`application/json`, `text/plain`},
		"it has no security":                        {`"security": [{"K": ["read"]}, {"L": ["read"]}], `, ``},
		"must name the same single scope":           {`{"L": ["read"]}`, `{"L": ["write"]}`},
		"security L must name":                      {`{"L": ["read"]}`, `{"L": []}`},
		"read the OpenAPI document":                 {`{`, `[`},
	} {
		if _, err := openapi.Read([]byte(strings.Replace(small, change[0], change[1], 1))); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("got %v, want %s", err, what)
		}
	}
}
