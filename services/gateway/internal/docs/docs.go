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

	"github.com/stridelog/stridelog/services/gateway/internal/openapi"
)

//go:embed page.html
var page string

// route is an operation as the page shows it.
type route struct {
	openapi.Operation
	Example string // of the body; empty when the route takes none
	Answers []answer
	Members []member // of the JSON that a success answers
}

type answer struct{ Status, Description string }

// Page is the page of an OpenAPI document.
func Page(text []byte) ([]byte, error) {
	d, err := openapi.Read(text)
	if err != nil {
		return nil, err
	}
	view := struct {
		Info   openapi.Info
		Routes []route
	}{Info: d.Info}
	for _, o := range d.Operations {
		r := route{Operation: o}
		if err := r.fill(d); err != nil {
			return nil, fmt.Errorf("%s %s: %w", o.Method, o.Path, err)
		}
		view.Routes = append(view.Routes, r)
	}
	t, err := template.New("docs").Funcs(template.FuncMap{"rule": rule}).Parse(page)
	if err != nil {
		return nil, fmt.Errorf("read the template: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, view); err != nil {
		return nil, fmt.Errorf("fill the template: %w", err)
	}
	return out.Bytes(), nil
}

func (r *route) fill(d *openapi.Document) error {
	for status, a := range r.Responses {
		if status == "default" {
			status = "else"
		}
		if status < "300" {
			r.Members = members(d, "", a.Content["application/json"].Schema)
		}
		r.Answers = append(r.Answers, answer{status, a.Description})
	}
	slices.SortFunc(r.Answers, func(a, b answer) int { return strings.Compare(a.Status, b.Status) })
	if r.Body == nil {
		return nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, r.Body.Example); err != nil {
		return fmt.Errorf("the body needs an example: %w", err)
	}
	r.Example = compact.String()
	return nil
}

// filledIn is the parameter whose value the reader says once for the whole page.
const filledIn = "user_id"

// Target is the path with the query that the route insists on.
func (r route) Target() string {
	var query []string
	for _, p := range r.Parameters {
		// An upload's kind can also be a field of a form.
		if p.In != "query" || !p.Required && (len(r.Uploads) == 0 || p.Example == nil) {
			continue
		}
		value := "{" + p.Name + "}"
		if p.Example != nil && p.Name != filledIn {
			value = url.QueryEscape(fmt.Sprint(p.Example))
		}
		query = append(query, p.Name+"="+value)
	}
	if len(query) == 0 {
		return r.Path
	}
	return r.Path + "?" + strings.Join(query, "&")
}

// rule is what a schema says of a value, in words.
func rule(s *openapi.Schema) string {
	var parts []string
	if s.Format != "" {
		parts = append(parts, "format "+s.Format)
	}
	if s.Pattern != "" {
		parts = append(parts, "pattern "+s.Pattern)
	}
	if s.Minimum != nil {
		parts = append(parts, fmt.Sprintf("minimum %d", *s.Minimum))
	}
	if s.Maximum != nil {
		parts = append(parts, fmt.Sprintf("maximum %d", *s.Maximum))
	}
	if s.Default != nil {
		parts = append(parts, fmt.Sprintf("default %v", s.Default))
	}
	if len(s.Enum) > 0 {
		parts = append(parts, "one of "+strings.Join(s.Enum, " "))
	}
	return strings.Join(parts, ", ")
}
