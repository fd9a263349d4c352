package api_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/stridelog/stridelog/services/gateway/internal/api"
	"github.com/stridelog/stridelog/services/gateway/internal/contract"
)

// The JSON that is served says what the YAML that people edit says.
func TestJSONIsTheYAML(t *testing.T) {
	source, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := yaml.YAMLToJSON(source)
	if err != nil {
		t.Fatal(err)
	}
	var want, got bytes.Buffer
	if err := json.Compact(&want, text); err != nil {
		t.Fatal(err)
	}
	if err := json.Compact(&got, api.Document()); err != nil {
		t.Fatal(err)
	}
	if want.String() != got.String() {
		t.Error("openapi.json is not what openapi.yaml says: run go generate ./internal/api")
	}
}

func TestEveryRouteIsInTheContract(t *testing.T) {
	rules, err := contract.Load(api.Document())
	if err != nil {
		t.Fatal(err)
	}
	if o := rules["POST /api/v1/users"]; o == nil || !o.TakesBody() || o.Public {
		t.Errorf("POST /api/v1/users is %+v", o)
	}
	if o := rules["GET /api/v1/oauth/:provider/callback"]; o == nil || !o.Public || !o.OpenQuery {
		t.Errorf("the callback is %+v", o)
	}
}
