package provider

import "testing"

func TestOmittedZeros(t *testing.T) {
	base := hash(t, `{"a":1,"list":[{},0,"0"]}`, OmittedZeros)
	for name, raw := range map[string]string{
		"number":       `{"a":1,"n":0,"list":[{},0,"0"]}`,
		"fraction":     `{"a":1,"n":-0.00,"list":[{},0,"0"]}`,
		"exponent":     `{"a":1,"n":0E+7,"list":[{},0,"0"]}`,
		"64 bits":      `{"a":1,"n":"0","list":[{},0,"0"]}`,
		"duration":     `{"a":1,"n":"0s","list":[{},0,"0"]}`,
		"fine":         `{"a":1,"n":"0.000s","list":[{},0,"0"]}`,
		"empty text":   `{"a":1,"n":"","list":[{},0,"0"]}`,
		"false":        `{"a":1,"n":false,"list":[{},0,"0"]}`,
		"null":         `{"a":1,"n":null,"list":[{},0,"0"]}`,
		"empty list":   `{"a":1,"n":[],"list":[{},0,"0"]}`,
		"empty object": `{"a":1,"n":{"m":{"o":"0"}},"list":[{"p":false},0,"0"]}`,
	} {
		if hash(t, raw, OmittedZeros) != base {
			t.Errorf("%s: a member that says nothing counts: %s", name, raw)
		}
		if hash(t, raw) == hash(t, `{"a":1,"list":[{},0,"0"]}`) {
			t.Errorf("%s: it is left out although nobody asked: %s", name, raw)
		}
	}
	for name, raw := range map[string]string{
		"elements":    `{"a":1,"list":[]}`,
		"an element":  `{"a":1,"list":[{},0]}`,
		"one":         `{"a":1,"n":1,"list":[{},0,"0"]}`,
		"true":        `{"a":1,"n":true,"list":[{},0,"0"]}`,
		"almost":      `{"a":1,"n":0.001,"list":[{},0,"0"]}`,
		"a unit":      `{"a":1,"n":"s","list":[{},0,"0"]}`,
		"other units": `{"a":1,"n":"0m","list":[{},0,"0"]}`,
		"digits":      `{"a":1,"n":"00","list":[{},0,"0"]}`,
		"space":       `{"a":1,"n":" ","list":[{},0,"0"]}`,
	} {
		if hash(t, raw, OmittedZeros) == base {
			t.Errorf("%s does not count: %s", name, raw)
		}
	}
}

func TestOmittedZerosGoAlongWithPaths(t *testing.T) {
	paths := []string{"link", OmittedZeros}
	if hash(t, `{"link":"x","a":1,"n":0}`, paths...) != hash(t, `{"a":1}`, paths...) {
		t.Error("a path or the zeros count")
	}
}
