package deploytest

import (
	"bytes"
	"context"
	"testing"

	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/standalone/internal/deployment"
)

// An archive that the gateway takes in is read and deleted by the poller, and seen
// by nobody else.
func TestUploadsGoFromTheGatewayToThePoller(t *testing.T) {
	buses := map[string]*bus.Bus{}
	for name, m := range members(t) {
		b, err := bus.New(m.nc, bustest.Logger(t))
		if err != nil {
			t.Fatal(err)
		}
		buses[name] = b
	}
	archive := bytes.Repeat([]byte("archive "), 1<<20)
	upload, err := buses["gateway"].Upload(t.Context(), "one", bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"oauth", "projector", deployment.Analyst} {
		short, cancel := context.WithTimeout(t.Context(), refusalWait)
		if err := buses[name].Download(short, upload, &bytes.Buffer{}); err == nil {
			t.Errorf("%s reads an upload", name)
		}
		if _, err := buses[name].Upload(short, "two", bytes.NewReader(archive)); err == nil {
			t.Errorf("%s uploads", name)
		}
		cancel()
	}
	var got bytes.Buffer
	if err := buses["poller"].Download(t.Context(), upload, &got); err != nil || !bytes.Equal(got.Bytes(), archive) {
		t.Errorf("the poller reads %d of %d bytes: %v", got.Len(), len(archive), err)
	}
	if err := buses["poller"].DeleteUpload(t.Context(), upload); err != nil {
		t.Error(err)
	}
	if err := buses["poller"].Download(t.Context(), upload, &got); err == nil {
		t.Error("a deleted upload can be read")
	}
}
