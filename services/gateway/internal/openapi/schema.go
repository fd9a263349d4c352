package openapi

import "encoding/json"

// Schema is the part of JSON Schema that the document uses.
type Schema struct {
	Ref                  string             `json:"$ref"`
	Type                 Types              `json:"type"`
	Format               string             `json:"format"`
	Description          string             `json:"description"`
	Enum                 []string           `json:"enum"`
	Default              any                `json:"default"`
	Minimum              *int64             `json:"minimum"`
	Maximum              *int64             `json:"maximum"`
	MinLength            int                `json:"minLength"`
	MaxLength            int                `json:"maxLength"`
	Pattern              string             `json:"pattern"`
	Properties           map[string]*Schema `json:"properties"`
	AdditionalProperties json.RawMessage    `json:"additionalProperties"` // a schema or a bool; nil when it is not said
	MinProperties        int                `json:"minProperties"`
	Required             []string           `json:"required"`
	MinItems             int                `json:"minItems"`
	Items                *Schema            `json:"items"`
	MaxItems             int                `json:"maxItems"`
	AllOf                []*Schema          `json:"allOf"`
	OneOf                []*Schema          `json:"oneOf"`

	// Order has the names of Properties in the order of the document.
	Order []string `json:"-"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Schema) UnmarshalJSON(data []byte) error {
	type plain Schema // without this method
	if err := json.Unmarshal(data, (*plain)(s)); err != nil {
		return err
	}
	var raw struct {
		Properties json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(data, &raw); err != nil || raw.Properties == nil {
		return err
	}
	members, err := Members(raw.Properties)
	for _, m := range members {
		s.Order = append(s.Order, m.Name)
	}
	return err
}

// Types is "string" or ["string", "null"].
type Types []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *Types) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		return json.Unmarshal(data, (*[]string)(t))
	}
	var one string
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	*t = Types{one}
	return nil
}
