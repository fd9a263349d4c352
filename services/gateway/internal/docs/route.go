package docs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/stridelog/stridelog/services/gateway/internal/openapi"
)

// route is an operation as the page shows it.
type route struct {
	openapi.Operation
	Example string   // of the body; empty when the route takes none
	Sent    []member // of the JSON body
	Success answer   // the first success
	Answers []answer
	Members []member // of the JSON that a success answers
}

// answer is one status with what it means.
type answer struct {
	Status, Description string
	Media               string // empty when there is no body
	Example             string // of the body
}

// Problem is the example of a refusal.
func (a answer) Problem() string {
	if a.Media == "application/problem+json" {
		return a.Example
	}
	return ""
}

func newRoute(d *openapi.Document, o openapi.Operation) (*route, error) {
	r := &route{Operation: o}
	for _, status := range slices.Sorted(maps.Keys(o.Responses)) {
		a, err := newAnswer(status, o.Responses[status])
		if err != nil {
			return nil, fmt.Errorf("answer %s: %w", status, err)
		}
		r.Answers = append(r.Answers, a)
		if status < "400" && r.Success.Status == "" {
			r.Success = a
			r.Members = members(d, "", o.Responses[status].Content["application/json"].Schema)
		}
	}
	if o.Body == nil {
		return r, nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, o.Body.Example); err != nil {
		return nil, fmt.Errorf("the body needs an example: %w", err)
	}
	r.Example = compact.String()
	r.Sent = members(d, "", o.Body.Schema)
	return r, nil
}

func newAnswer(status string, r openapi.Response) (answer, error) {
	a := answer{Status: status, Description: r.Description}
	if status == "default" {
		a.Status = "else"
	}
	for _, media := range slices.Sorted(maps.Keys(r.Content)) {
		content := r.Content[media]
		if content.Example == nil {
			continue
		}
		example, err := shown(content.Example)
		if err != nil {
			return a, err
		}
		a.Media, a.Example = media, example
		break
	}
	return a, nil
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
