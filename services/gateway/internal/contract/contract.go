// Package contract holds requests to the OpenAPI document: what a route takes,
// which values are allowed, and whether it needs a key.
package contract

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/stridelog/stridelog/services/gateway/internal/openapi"
)

// Operation is one method of one path.
type Operation struct {
	openapi.Operation
	query map[string]parameter
	path  []parameter
	body  *body // nil when the operation takes none
}

type parameter struct {
	openapi.Parameter
	rule *rule
}

// body is a JSON object of values and of arrays of values.
type body struct {
	members  map[string]*rule
	required []string
	atLeast  int // members
}

// Contract is every operation by method and router path ("GET /users/:user_id").
type Contract map[string]*Operation

// Load makes the rules of an OpenAPI document. What it does not know how to check
// is an error, so that no rule of the document is silently ignored.
func Load(text []byte) (Contract, error) {
	d, err := openapi.Read(text)
	if err != nil {
		return nil, err
	}
	c := Contract{}
	for _, described := range d.Operations {
		o := &Operation{Operation: described, query: map[string]parameter{}}
		if err := o.compile(d); err != nil {
			return nil, fmt.Errorf("%s %s: %w", o.Method, o.Path, err)
		}
		c[o.Method+" "+routerPath(o.Path)] = o
	}
	return c, nil
}

func (o *Operation) compile(d *openapi.Document) error {
	for _, p := range o.Parameters {
		r, err := newRule(p.Schema)
		if err != nil {
			return fmt.Errorf("parameter %s: %w", p.Name, err)
		}
		switch {
		case p.In == "path" && r.items == nil:
			o.path = append(o.path, parameter{p, r})
		case p.In == "query":
			o.query[p.Name] = parameter{p, r}
		default:
			return fmt.Errorf("parameter %s: in %q is not supported", p.Name, p.In)
		}
	}
	for _, i := range o.Operation.Ignored {
		if _, known := o.query[i.Name]; known || i.Name == "" || i.Happens == "" {
			return fmt.Errorf("ignored parameter %q: it has no name, is a parameter as well, or does not say what happens", i.Name)
		}
	}
	if o.Body == nil {
		return nil
	}
	s := d.Resolve(o.Body.Schema)
	if s == nil {
		return fmt.Errorf("its body's schema %s does not exist", o.Body.Schema.Ref)
	}
	o.body = &body{members: map[string]*rule{}, required: s.Required, atLeast: s.MinProperties}
	for name, member := range s.Properties {
		r, err := newRule(member)
		if err != nil {
			return fmt.Errorf("member %s: %w", name, err)
		}
		o.body.members[name] = r
	}
	return nil
}

// TakesBody says whether the operation takes a JSON body.
func (o *Operation) TakesBody() bool { return o.body != nil }

// TakesQuery says whether the operation has a parameter of this name in its query.
func (o *Operation) TakesQuery(name string) bool {
	_, ok := o.query[name]
	return ok
}

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

// rule checks one value, or the values of a list.
type rule struct {
	*openapi.Schema
	pattern *regexp.Regexp
	items   *rule // of a list's values; nil when it is no list
}

func newRule(s *openapi.Schema) (*rule, error) {
	if s == nil || s.Ref != "" || len(s.Type) == 0 {
		return nil, fmt.Errorf("its schema must say a type in place")
	}
	switch s.Format {
	case "", "uuid", "uri", "email", "date-time", "date-or-date-time", "uuid-or-external":
	default:
		return nil, fmt.Errorf("format %q is not checked by this program", s.Format)
	}
	r := &rule{Schema: s}
	var err error
	if s.Type[0] == "array" {
		if r.items, err = newRule(s.Items); err != nil {
			return nil, fmt.Errorf("items: %w", err)
		}
		if r.items.items != nil {
			return nil, errors.New("items: a list of lists is not checked by this program")
		}
		return r, nil
	}
	if s.Pattern == "" {
		return r, nil
	}
	if r.pattern, err = regexp.Compile(s.Pattern); err != nil {
		return nil, fmt.Errorf("pattern: %w", err)
	}
	return r, nil
}
