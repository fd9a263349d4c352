package docs

import (
	"html/template"
	"strings"
)

// code is a text of the document as HTML: what stands between two backticks is code, as
// in the document's Markdown. Everything else is escaped.
func code(text string) template.HTML {
	parts := strings.Split(text, "`")
	var out strings.Builder
	for i, part := range parts {
		escaped := template.HTMLEscapeString(part)
		switch {
		case i%2 == 0:
			out.WriteString(escaped)
		case i == len(parts)-1: // a backtick without another
			out.WriteString("`" + escaped)
		default:
			out.WriteString("<code>" + escaped + "</code>")
		}
	}
	return template.HTML(out.String()) //nolint:gosec // it is escaped above
}
