// Package openapi reads the OpenAPI document: every operation with its parameters
// and answers, references resolved.
package openapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Document is what the gateway uses of an OpenAPI document.
type Document struct {
	Info       Info
	Tags       []Tag       // in the order of the document
	Operations []Operation // in the order of the document
	schemas    map[string]*Schema
}

// Tag is a group of operations.
type Tag struct {
	Name        string `json:"name"`
	Description string `json:"description"`
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
	// Scope is what a key must have; empty for public operations.
	Scope string
	// BoundKeys says that a key that is bound to people may call an operation that no
	// person is named in, because the answer holds nobody else.
	BoundKeys bool
	// Audit is the action that the audit keeps of the operation; empty: none.
	Audit string
	// OpenQuery operations are called by strangers, who may add parameters.
	OpenQuery bool
	// Ignored are parameters of the query that are taken and do nothing.
	Ignored []Ignored
	// Acts says that a GET does something, so that HEAD must not ask for it.
	Acts bool
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

// Response is one answer of an operation. Ref is the component that it is; what the
// component says is resolved.
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
	Info       Info            `json:"info"`
	Tags       []Tag           `json:"tags"`
	Paths      json.RawMessage `json:"paths"`
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
	Security    *[]requirement      `json:"security"` // empty, not absent: no key
	BoundKeys   bool                `json:"x-bound-keys"`
	Audit       string              `json:"x-audit"`
	OpenQuery   bool                `json:"x-open-query"`
	RawBody     bool                `json:"x-raw-body"`
	Ignored     []Ignored           `json:"x-ignored-parameters"`
	Acts        bool                `json:"x-acts"`
	RequestBody *struct {
		Content map[string]Media `json:"content"`
	} `json:"requestBody"`
}

// A requirement is a way to show a key, with the scopes that the key must have.
type requirement map[string][]string

// scope is the one scope that every requirement of an operation names.
func (o operation) scope() (string, error) {
	if o.Security == nil {
		return "", fmt.Errorf("it has no security: state the scope that a key needs, or [] for none")
	}
	scope := ""
	for _, r := range *o.Security {
		for scheme, scopes := range r {
			if len(scopes) != 1 || scope != "" && scopes[0] != scope {
				return "", fmt.Errorf("its security %s must name the same single scope as the others", scheme)
			}
			scope = scopes[0]
		}
	}
	return scope, nil
}

// Read reads a document. A reference that leads nowhere and a member of a path
// that is no method are errors.
func Read(text []byte) (*Document, error) {
	var s source
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	d := &Document{Info: s.Info, Tags: s.Tags, schemas: s.Components.Schemas}
	paths, err := Members(s.Paths)
	if err != nil {
		return nil, fmt.Errorf("read the paths of the OpenAPI document: %w", err)
	}
	for _, path := range paths {
		operations, err := s.path(path)
		if err != nil {
			return nil, err
		}
		d.Operations = append(d.Operations, operations...)
	}
	return d, nil
}

// path reads the operations of a path.
func (s *source) path(path Member) (list []Operation, err error) {
	item, err := Members(path.Value)
	if err != nil {
		return nil, fmt.Errorf("path %s: %w", path.Name, err)
	}
	const parameters = "parameters"
	var shared []Parameter
	for _, m := range item {
		if m.Name == parameters {
			if err := json.Unmarshal(m.Value, &shared); err != nil {
				return nil, fmt.Errorf("parameters of %s: %w", path.Name, err)
			}
		}
	}
	for _, m := range item {
		if m.Name == parameters {
			continue
		}
		o, err := s.operation(m.Value, shared)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", m.Name, path.Name, err)
		}
		if o.Method = strings.ToUpper(m.Name); !slices.Contains(methods(), o.Method) {
			return nil, fmt.Errorf("%s: %q is no method that this program knows", path.Name, m.Name)
		}
		o.Path = path.Name
		list = append(list, o)
	}
	return list, nil
}

func methods() []string {
	return []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete}
}

func (s *source) operation(raw json.RawMessage, shared []Parameter) (Operation, error) {
	var in operation
	if err := json.Unmarshal(raw, &in); err != nil {
		return Operation{}, err
	}
	scope, err := in.scope()
	if err != nil {
		return Operation{}, err
	}
	o := Operation{
		Scope: scope, BoundKeys: in.BoundKeys, Audit: in.Audit,
		ID: in.ID, Summary: in.Summary, Description: strings.TrimSpace(in.Description), Tags: in.Tags,
		Public: scope == "", OpenQuery: in.OpenQuery, RawBody: in.RawBody, Ignored: in.Ignored, Acts: in.Acts,
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
			named, known := s.Components.Responses[component(r.Ref, "responses")]
			if !known {
				return o, fmt.Errorf("%s does not exist", r.Ref)
			}
			if r.Description != "" { // beside a reference, it counts instead of the response's own
				named.Description = r.Description
			}
			named.Ref = r.Ref
			o.Responses[status] = named
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
