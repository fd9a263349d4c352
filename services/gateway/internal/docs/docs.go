// Package docs renders the OpenAPI document as one page for people. The page has
// every route without any script; a script only fills in the curl lines.
package docs

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"
)

//go:embed page.html
var page string

type route struct {
	Method, Path, Summary, Description, ID string
	Public                                 bool
	Parameters                             []parameter
	Body                                   string // an example; empty when the route takes none
	Answers                                []answer
	Members                                []member // of the JSON that a success answers
}

// Target is the path with the query that the route insists on.
func (r route) Target() string {
	var query []string
	for _, p := range r.Parameters {
		if p.In != "query" || !p.Required {
			continue
		}
		value := "{" + p.Name + "}"
		if p.Example != nil {
			value = url.QueryEscape(fmt.Sprint(p.Example))
		}
		query = append(query, p.Name+"="+value)
	}
	if len(query) == 0 {
		return r.Path
	}
	return r.Path + "?" + strings.Join(query, "&")
}

type parameter struct {
	Ref         string         `json:"$ref"`
	Name        string         `json:"name"`
	In          string         `json:"in"`
	Required    bool           `json:"required"`
	Description string         `json:"description"`
	Schema      map[string]any `json:"schema"`
	Example     any            `json:"example"`
}

// Rule is what the schema says of the value, in words.
func (p parameter) Rule() string {
	var parts []string
	for _, name := range []string{"format", "pattern", "minimum", "maximum", "default"} {
		if v, ok := p.Schema[name]; ok {
			parts = append(parts, fmt.Sprintf("%s %v", name, v))
		}
	}
	if choices, ok := p.Schema["enum"].([]any); ok {
		parts = append(parts, "one of "+strings.Trim(fmt.Sprint(choices), "[]"))
	}
	return strings.Join(parts, ", ")
}

type answer struct{ Status, Description string }

type response struct {
	Ref         string `json:"$ref"`
	Description string `json:"description"`
	Content     map[string]struct {
		Schema *schema `json:"schema"`
	} `json:"content"`
}

type document struct {
	Info struct {
		Title       string `json:"title"`
		Version     string `json:"version"`
		Summary     string `json:"summary"`
		Description string `json:"description"`
	} `json:"info"`
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Parameters map[string]parameter `json:"parameters"`
		Responses  map[string]response  `json:"responses"`
		Schemas    map[string]*schema   `json:"schemas"`
	} `json:"components"`
	Routes []route `json:"-"`
}

// Page is the page of an OpenAPI document.
func Page(text []byte) ([]byte, error) {
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
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
			r, err := d.route(strings.ToUpper(method), path, raw, shared)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			d.Routes = append(d.Routes, r)
		}
	}
	slices.SortFunc(d.Routes, func(a, b route) int {
		return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method)
	})
	t, err := template.New("docs").Parse(page)
	if err != nil {
		return nil, fmt.Errorf("read the template: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, d); err != nil {
		return nil, fmt.Errorf("fill the template: %w", err)
	}
	return out.Bytes(), nil
}

func (d document) route(method, path string, raw json.RawMessage, shared []parameter) (route, error) {
	var o struct {
		ID          string                     `json:"operationId"`
		Summary     string                     `json:"summary"`
		Description string                     `json:"description"`
		Parameters  []parameter                `json:"parameters"`
		Security    *[]any                     `json:"security"`
		Responses   map[string]response        `json:"responses"`
		RequestBody map[string]json.RawMessage `json:"requestBody"`
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		return route{}, err
	}
	r := route{
		Method: method, Path: path, ID: o.ID, Summary: o.Summary, Description: strings.TrimSpace(o.Description),
		Public: o.Security != nil && len(*o.Security) == 0,
	}
	for _, p := range slices.Concat(shared, o.Parameters) {
		if p.Ref != "" {
			p = d.Components.Parameters[p.Ref[strings.LastIndex(p.Ref, "/")+1:]]
		}
		r.Parameters = append(r.Parameters, p)
	}
	for status, a := range o.Responses {
		if a.Ref != "" {
			a = d.Components.Responses[a.Ref[strings.LastIndex(a.Ref, "/")+1:]]
		}
		if status == "default" {
			status = "else"
		}
		if status < "300" {
			r.Members = d.members("", a.Content["application/json"].Schema)
		}
		r.Answers = append(r.Answers, answer{status, a.Description})
	}
	slices.SortFunc(r.Answers, func(a, b answer) int { return strings.Compare(a.Status, b.Status) })
	return r, r.readBody(o.RequestBody["content"])
}

func (r *route) readBody(content json.RawMessage) error {
	if content == nil {
		return nil
	}
	var media map[string]struct {
		Example json.RawMessage `json:"example"`
	}
	if err := json.Unmarshal(content, &media); err != nil {
		return err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, media["application/json"].Example); err != nil {
		return fmt.Errorf("the body needs an example: %w", err)
	}
	r.Body = compact.String()
	return nil
}
