// Package docs renders the OpenAPI document as one page for people: the operations by
// tag, in the order of the document, each with a request and an example of its answer.
// The page has all of it without any script; a script fills in the curl lines, searches
// and copies.
package docs

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/stridelog/stridelog/services/gateway/internal/openapi"
)

var (
	//go:embed page.html
	page string
	//go:embed page.css
	style string
	//go:embed page.js
	script string
)

// group is a tag with its operations.
type group struct {
	openapi.Tag
	Anchor string
	Routes []*route // those whose first tag it is
	Also   []*route // those that have it besides another
}

// view is what the template shows.
type view struct {
	Info   openapi.Info
	About  []string // the paragraphs of the description
	Groups []*group
	Style  template.CSS
	Script template.JS
}

// Page is the page of an OpenAPI document.
func Page(text []byte) ([]byte, error) {
	d, err := openapi.Read(text)
	if err != nil {
		return nil, err
	}
	// Both texts are our own files, so nothing in them is escaped.
	v := view{Info: d.Info, About: strings.Split(strings.TrimSpace(d.Info.Description), "\n"), Style: template.CSS(style), Script: template.JS(script)} //nolint:gosec // our own files
	if v.Groups, err = groups(d); err != nil {
		return nil, err
	}
	t, err := template.New("docs").Funcs(template.FuncMap{"rule": rule, "code": code}).Parse(page)
	if err != nil {
		return nil, fmt.Errorf("read the template: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, v); err != nil {
		return nil, fmt.Errorf("fill the template: %w", err)
	}
	return out.Bytes(), nil
}

// groups sorts the operations by tag. One whose tags the document does not list would
// not be shown, which is an error.
func groups(d *openapi.Document) (list []*group, err error) {
	for _, tag := range d.Tags {
		list = append(list, &group{Tag: tag, Anchor: "tag-" + strings.ReplaceAll(tag.Name, " ", "-")})
	}
	for _, o := range d.Operations {
		r, err := newRoute(d, o)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", o.Method, o.Path, err)
		}
		for i, tag := range o.Tags {
			at := slices.IndexFunc(list, func(g *group) bool { return g.Name == tag })
			switch {
			case at < 0:
				return nil, fmt.Errorf("%s %s: the document does not describe its tag %q", o.Method, o.Path, tag)
			case i == 0:
				list[at].Routes = append(list[at].Routes, r)
			default:
				list[at].Also = append(list[at].Also, r)
			}
		}
		if len(o.Tags) == 0 {
			return nil, fmt.Errorf("%s %s has no tag", o.Method, o.Path)
		}
	}
	return list, nil
}

// shown is an example as a reader sees it: JSON indented, its members in the order of
// the document; a text as itself.
func shown(example json.RawMessage) (string, error) {
	var text string
	if json.Unmarshal(example, &text) == nil {
		return text, nil
	}
	var out bytes.Buffer
	if err := json.Indent(&out, example, "", "  "); err != nil {
		return "", fmt.Errorf("its example is not JSON: %w", err)
	}
	return out.String(), nil
}
