// Package contract holds requests to the OpenAPI document: what a route takes,
// which values are allowed, and whether it needs a key.
package contract

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Operation is one method of one path.
type Operation struct {
	ID     string
	Method string
	Path   string // as the document spells it: /users/{user_id}
	// Public operations need no key.
	Public bool
	// OpenQuery operations are called by strangers, who may add parameters.
	OpenQuery bool
	query     map[string]parameter
	path      []parameter
	body      *schema // nil when the operation takes none
}

// Contract is every operation by method and router path ("GET /users/:user_id").
type Contract map[string]*Operation

type document struct {
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Parameters map[string]parameter `json:"parameters"`
		Schemas    map[string]*schema   `json:"schemas"`
	} `json:"components"`
}

type parameter struct {
	Ref             string  `json:"$ref"`
	Name            string  `json:"name"`
	In              string  `json:"in"`
	Required        bool    `json:"required"`
	AllowEmptyValue bool    `json:"allowEmptyValue"`
	Schema          *schema `json:"schema"`
}

type operation struct {
	OperationID string                 `json:"operationId"`
	Parameters  []parameter            `json:"parameters"`
	Security    *[]map[string][]string `json:"security"`
	OpenQuery   bool                   `json:"x-open-query"`
	RequestBody *struct {
		Content map[string]struct {
			Schema *schema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
}

// Load reads an OpenAPI document. What it does not know how to check is an error,
// so that no rule of the document is silently ignored.
func Load(text []byte) (Contract, error) {
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	c := Contract{}
	for path, item := range d.Paths {
		var shared []parameter
		if raw, ok := item["parameters"]; ok {
			if err := json.Unmarshal(raw, &shared); err != nil {
				return nil, fmt.Errorf("parameters of %s: %w", path, err)
			}
		}
		for method, raw := range item {
			if method == "parameters" {
				continue
			}
			o, err := d.operation(strings.ToUpper(method), path, raw, shared)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			c[o.Method+" "+routerPath(path)] = o
		}
	}
	return c, nil
}

func (d document) operation(method, path string, raw json.RawMessage, shared []parameter) (*Operation, error) {
	var in operation
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, err
	}
	o := &Operation{
		ID: in.OperationID, Method: method, Path: path, OpenQuery: in.OpenQuery,
		Public: in.Security != nil && len(*in.Security) == 0, query: map[string]parameter{},
	}
	for _, p := range append(append([]parameter{}, shared...), in.Parameters...) {
		if p.Ref != "" {
			known, ok := d.Components.Parameters[strings.TrimPrefix(p.Ref, "#/components/parameters/")]
			if !ok {
				return nil, fmt.Errorf("%s does not exist", p.Ref)
			}
			p = known
		}
		if err := p.Schema.prepare(); err != nil {
			return nil, fmt.Errorf("parameter %s: %w", p.Name, err)
		}
		switch p.In {
		case "path":
			o.path = append(o.path, p)
		case "query":
			o.query[p.Name] = p
		default:
			return nil, fmt.Errorf("parameter %s: in %q is not supported", p.Name, p.In)
		}
	}
	if in.RequestBody == nil {
		return o, nil
	}
	body := in.RequestBody.Content["application/json"].Schema
	if body != nil && body.Ref != "" {
		body = d.Components.Schemas[strings.TrimPrefix(body.Ref, "#/components/schemas/")]
	}
	if body == nil {
		return nil, fmt.Errorf("its body has no JSON schema")
	}
	for name, member := range body.Properties {
		if err := member.prepare(); err != nil {
			return nil, fmt.Errorf("member %s: %w", name, err)
		}
	}
	o.body = body
	return o, nil
}

// TakesBody says whether the operation takes a JSON body.
func (o *Operation) TakesBody() bool { return o.body != nil }

// routerPath spells a path the way the router does.
func routerPath(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, "{") && strings.HasSuffix(p, "}") {
			parts[i] = ":" + p[1:len(p)-1]
		}
	}
	return strings.Join(parts, "/")
}

// schema is the part of JSON Schema that parameters and flat bodies use here.
type schema struct {
	Ref           string             `json:"$ref"`
	Type          types              `json:"type"`
	Format        string             `json:"format"`
	Enum          []string           `json:"enum"`
	Minimum       *int64             `json:"minimum"`
	Maximum       *int64             `json:"maximum"`
	MinLength     int                `json:"minLength"`
	MaxLength     int                `json:"maxLength"`
	Pattern       string             `json:"pattern"`
	Properties    map[string]*schema `json:"properties"`
	MinProperties int                `json:"minProperties"`
	pattern       *regexp.Regexp
}

// types is "string" or ["string", "null"].
type types []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *types) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		return json.Unmarshal(data, (*[]string)(t))
	}
	var one string
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	*t = types{one}
	return nil
}

func (s *schema) prepare() error {
	if s == nil || s.Ref != "" || len(s.Type) == 0 {
		return fmt.Errorf("its schema must say a type in place")
	}
	switch s.Format {
	case "", "uuid", "uri", "email", "date-or-date-time":
	default:
		return fmt.Errorf("format %q is not checked by this program", s.Format)
	}
	if s.Pattern == "" {
		return nil
	}
	re, err := regexp.Compile(s.Pattern)
	if err != nil {
		return fmt.Errorf("pattern: %w", err)
	}
	s.pattern = re
	return nil
}
