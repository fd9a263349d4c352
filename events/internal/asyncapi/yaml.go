package asyncapi

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v4"
)

// YAML writes a JSON document as YAML, members in the same order.
func YAML(document []byte) ([]byte, error) {
	var node yaml.Node // JSON is YAML
	if err := yaml.Unmarshal(document, &node); err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	block(&node)
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&node); err != nil {
		return nil, fmt.Errorf("write the document: %w", err)
	}
	return out.Bytes(), encoder.Close()
}

// block takes off JSON's braces and quotes; the encoder puts back the quotes that
// a text needs to stay one.
func block(n *yaml.Node) {
	n.Style = 0
	for _, child := range n.Content {
		block(child)
	}
}
