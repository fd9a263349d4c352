package gateway_test

import (
	"net/http"
	"testing"

	"github.com/stridelog/stridelog/services/gateway/internal/gatewaytest"
)

func TestTheBareAddressLeadsToTheDocumentation(t *testing.T) {
	s := gatewaytest.New(t)
	resp, err := http.Get(s.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Request.URL.Path != "/docs" {
		t.Errorf("/ led to %s: %s", resp.Request.URL.Path, resp.Status)
	}
	head, err := http.Head(s.URL + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer head.Body.Close()
	if head.StatusCode != http.StatusOK {
		t.Errorf("HEAD /healthz answers %s", head.Status)
	}
}
