// Package openapi reads the OpenAPI document: every operation with its parameters
// and answers, references resolved.
package openapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Document is what the gateway uses of an OpenAPI document.
type Document struct {
	Info       Info
	Operations []Operation // ordered by path and method
	schemas    map[string]*Schema
}

// Info says what the document is about.
type Info struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Summary     string `json:"summary"`
	Description string `json:"description"`
}

// Operation is one method of one path.
type Operation struct {
	ID, Method, Path     string // Path as the document spells it: /users/{user_id}
	Summary, Description string
	Tags                 []string
	// Public operations need no key.
	Public bool
	// OpenQuery operations are called by strangers, who may add parameters.
	OpenQuery bool
	// Ignored are parameters of the query that are taken and do nothing.
	Ignored []Ignored
	// RawBody operations take any body and check it themselves.
	RawBody    bool
	Parameters []Parameter // the path's first
	Body       *Media      // the JSON body; nil when the operation takes none
	Uploads    []string    // the media types of a body that is a file
	Responses  map[string]Response
}

// Parameter is a value in the path or in the query.
type Parameter struct {
	Ref             string  `json:"$ref"`
	Name            string  `json:"name"`
	In              string  `json:"in"`
	Description     string  `json:"description"`
	Required        bool    `json:"required"`
	AllowEmptyValue bool    `json:"allowEmptyValue"`
	Schema          *Schema `json:"schema"`
	Example         any     `json:"example"`
}

// Ignored is a parameter that clients of another platform send and that does nothing.
type Ignored struct {
	Name    string `json:"name"`
	Happens string `json:"happens"` // instead
}

// Response is one answer of an operation.
type Response struct {
	Ref         string           `json:"$ref"`
	Description string           `json:"description"`
	Content     map[string]Media `json:"content"`
}

// Media is a body in one media type.
type Media struct {
	Schema  *Schema         `json:"schema"`
	Example json.RawMessage `json:"example"`
}

// The media types of request bodies: an object, or a form that holds files. Files
// themselves have a schema of format binary.
const (
	mediaJSON = "application/json"
	mediaForm = "multipart/form-data"
)

type source struct {
	Info       Info                                  `json:"info"`
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Parameters map[string]Parameter `json:"parameters"`
		Responses  map[string]Response  `json:"responses"`
		Schemas    map[string]*Schema   `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	ID          string              `json:"operationId"`
	Summary     string              `json:"summary"`
	Description string              `json:"description"`
	Tags        []string            `json:"tags"`
	Parameters  []Parameter         `json:"parameters"`
	Responses   map[string]Response `json:"responses"`
	Security    *[]any              `json:"security"` // empty, not absent: no key
	OpenQuery   bool                `json:"x-open-query"`
	RawBody     bool                `json:"x-raw-body"`
	Ignored     []Ignored           `json:"x-ignored-parameters"`
	RequestBody *struct {
		Content map[string]Media `json:"content"`
	} `json:"requestBody"`
}

// Read reads a document. A reference that leads nowhere and a member of a path
// that is no method are errors.
func Read(text []byte) (*Document, error) {
	var s source
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	d := &Document{Info: s.Info, schemas: s.Components.Schemas}
	for path, item := range s.Paths {
		var shared []Parameter
		if raw, ok := item["parameters"]; ok {
			if err := json.Unmarshal(raw, &shared); err != nil {
				return nil, fmt.Errorf("parameters of %s: %w", path, err)
			}
			delete(item, "parameters")
		}
		for method, raw := range item {
			o, err := s.operation(raw, shared)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			if o.Method = strings.ToUpper(method); !slices.Contains(methods(), o.Method) {
				return nil, fmt.Errorf("%s: %q is no method that this program knows", path, method)
			}
			o.Path = path
			d.Operations = append(d.Operations, o)
		}
	}
	slices.SortFunc(d.Operations, func(a, b Operation) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	return d, nil
}

func methods() []string {
	return []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete}
}

func (s *source) operation(raw json.RawMessage, shared []Parameter) (Operation, error) {
	var in operation
	if err := json.Unmarshal(raw, &in); err != nil {
		return Operation{}, err
	}
	o := Operation{
		ID: in.ID, Summary: in.Summary, Description: strings.TrimSpace(in.Description), Tags: in.Tags,
		Public: in.Security != nil && len(*in.Security) == 0, OpenQuery: in.OpenQuery, RawBody: in.RawBody, Ignored: in.Ignored,
		Parameters: slices.Concat(shared, in.Parameters), Responses: in.Responses,
	}
	var known bool
	for i, p := range o.Parameters {
		if p.Ref != "" {
			if o.Parameters[i], known = s.Components.Parameters[component(p.Ref, "parameters")]; !known {
				return o, fmt.Errorf("%s does not exist", p.Ref)
			}
		}
	}
	for status, r := range o.Responses {
		if r.Ref != "" {
			if o.Responses[status], known = s.Components.Responses[component(r.Ref, "responses")]; !known {
				return o, fmt.Errorf("%s does not exist", r.Ref)
			}
		}
	}
	if in.RequestBody == nil || in.RawBody {
		return o, nil
	}
	body, ok := in.RequestBody.Content[mediaJSON]
	if o.Uploads = uploads(in.RequestBody.Content); len(o.Uploads) > 0 && !ok {
		return o, nil
	}
	if !ok || body.Schema == nil || len(o.Uploads) > 0 {
		return o, fmt.Errorf("its body has no JSON schema")
	}
	o.Body = &body
	return o, nil
}

// uploads are the media types of a body that is a file, or a form of files.
func uploads(content map[string]Media) (types []string) {
	for media, m := range content {
		if media == mediaForm || m.Schema != nil && m.Schema.Format == "binary" {
			types = append(types, media)
		}
	}
	slices.Sort(types)
	return types
}

// Resolve follows a schema's reference; nil when there is no schema.
func (d *Document) Resolve(s *Schema) *Schema {
	if s == nil || s.Ref == "" {
		return s
	}
	return d.schemas[component(s.Ref, "schemas")]
}

func component(ref, kind string) string {
	return strings.TrimPrefix(ref, "#/components/"+kind+"/")
}
