// Package conformance holds answers of the gateway to its OpenAPI document: the
// status must be named there, the body must fit its schema, and its members must come
// in the order in which the document has them. Tests use it; no service does.
package conformance

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/stridelog/stridelog/services/gateway/internal/openapi"
)

// Answer is what a client got.
type Answer struct {
	Method, Path string // the path without its query
	Status       int
	ContentType  string
	Body         []byte
}

// Contract is an OpenAPI document that answers are held to. It may be used by several
// goroutines.
type Contract struct {
	document *openapi.Document
	mu       sync.Mutex // of the compiler and its schemas
	compiler *jsonschema.Compiler
}

const resource = "openapi.json"

// New reads an OpenAPI document.
func New(text []byte) (*Contract, error) {
	d, err := openapi.Read(text)
	if err != nil {
		return nil, err
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	c := &Contract{document: d, compiler: jsonschema.NewCompiler()}
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource(resource, parsed); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	return c, nil
}

// Named says what is wrong with an answer's status: that the operation does not name
// it. Empty is that nothing is. A route that does not exist, or not with this method,
// names nothing, and an answer of 500 is a fault of the system and part of no contract.
func (c *Contract) Named(method, path string, status int) string {
	o := c.operation(method, path)
	if o == nil || status == http.StatusInternalServerError {
		return ""
	}
	if _, ok := o.Responses[strconv.Itoa(status)]; !ok {
		return fmt.Sprintf("%s %s answers %d, which it does not name", o.Method, o.Path, status)
	}
	return ""
}

// OperationIDs are the ids of all operations.
func (c *Contract) OperationIDs() []string {
	ids := make([]string, len(c.document.Operations))
	for i, o := range c.document.Operations {
		ids[i] = o.ID
	}
	return ids
}

// OperationID is the id of the operation that a request reached; empty when there is
// none.
func (c *Contract) OperationID(method, path string) string {
	if o := c.operation(method, path); o != nil {
		return o.ID
	}
	return ""
}

// Faults lists everything in which an answer is not as the document says.
func (c *Contract) Faults(a Answer) []string {
	o := c.operation(a.Method, a.Path)
	if o == nil {
		return []string{fmt.Sprintf("%s %s is not in the document", a.Method, a.Path)}
	}
	if fault := c.Named(a.Method, a.Path, a.Status); fault != "" {
		return []string{fault}
	}
	at := fmt.Sprintf("%s %s, answer %d", o.Method, o.Path, a.Status)
	status := strconv.Itoa(a.Status)
	response, named := o.Responses[status]
	if !named {
		status = "default"
		response = o.Responses[status]
	}
	if len(response.Content) == 0 {
		if len(a.Body) > 0 {
			return []string{at + ": has a body, and the document says none"}
		}
		return nil
	}
	media, _, err := mime.ParseMediaType(a.ContentType)
	content, ok := response.Content[media]
	if err != nil || !ok {
		return []string{fmt.Sprintf("%s: is %q, which the document does not say", at, a.ContentType)}
	}
	if !strings.HasSuffix(media, "json") {
		return nil
	}
	var faults []string
	for _, fault := range append(c.invalid(pointer(o, status, response, media), a.Body), c.Disorder(content.Schema, a.Body)...) {
		faults = append(faults, at+": "+fault)
	}
	return faults
}

// invalid says how a body does not fit the schema at a place of the document.
func (c *Contract) invalid(at string, body []byte) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	schema, err := c.compiler.Compile(resource + "#" + at)
	if err != nil {
		return []string{err.Error()}
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		return []string{err.Error()}
	}
	return nil
}

// pointer is the place of an answer's schema in the document.
func pointer(o *openapi.Operation, status string, r openapi.Response, media string) string {
	at := strings.TrimPrefix(r.Ref, "#")
	if at == "" {
		at = "/paths/" + Escape(o.Path) + "/" + strings.ToLower(o.Method) + "/responses/" + status
	}
	return at + "/content/" + Escape(media) + "/schema"
}

// Escape writes a member's name as a part of a JSON pointer in a URL's fragment.
func Escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D", "+", "%2B").Replace(name)
}

// operation is the one that a request reached; nil when there is none.
func (c *Contract) operation(method, path string) *openapi.Operation {
	parts := strings.Split(path, "/")
	for i := range c.document.Operations {
		o := &c.document.Operations[i]
		if o.Method == method && matches(strings.Split(o.Path, "/"), parts) {
			return o
		}
	}
	return nil
}

func matches(template, parts []string) bool {
	if len(template) != len(parts) {
		return false
	}
	for i, t := range template {
		if t != parts[i] && (!strings.HasPrefix(t, "{") || parts[i] == "") {
			return false
		}
	}
	return true
}
