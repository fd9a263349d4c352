package bus_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
	"github.com/stridelog/stridelog/platform/natsserver"
)

// inClear stores a file as a gateway did before uploads were encrypted.
func inClear(t *testing.T, b *bus.Bus, name string, content []byte) rpc.Upload {
	t.Helper()
	store, err := b.JetStream().ObjectStore(t.Context(), events.BucketUploads)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.PutBytes(t.Context(), name+"/000000", content); err != nil {
		t.Fatal(err)
	}
	return rpc.Upload{Name: name, Pieces: 1, Bytes: int64(len(content))}
}

// The bucket's files keep what was deleted; what they keep of an upload is noise.
func TestNoFileHoldsAnUploadInClear(t *testing.T) {
	dir := t.TempDir()
	b, stop := bustest.With(t, natsserver.Options{StoreDir: dir})
	archive := bytes.Repeat([]byte("what one person did "), 450_000) // two pieces
	u, err := b.Upload(t.Context(), "someone/import/0", bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	control := inClear(t, b, "someone/import/1", []byte("stored in clear"))
	if len(bustest.Files(t, dir, []byte("stored in clear"))) == 0 {
		t.Fatal("the control: the search finds nothing at all")
	}
	for _, upload := range []rpc.Upload{u, control} {
		var got bytes.Buffer
		if err := b.Download(t.Context(), upload, &got); err != nil || int64(got.Len()) != upload.Bytes {
			t.Fatalf("%d of %d bytes come back: %v", got.Len(), upload.Bytes, err)
		}
		if err := b.DeleteUpload(t.Context(), upload); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	for _, secret := range [][]byte{[]byte("what one person did "), u.Key} {
		if files := bustest.Files(t, dir, secret); files != nil {
			t.Errorf("%v hold it in clear", files)
		}
	}
}

func TestAPieceOpensInItsOwnPlaceAlone(t *testing.T) {
	b := bustest.New(t)
	content := make([]byte, 9<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content)
	u, err := b.Upload(t.Context(), "someone/import/0", bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	other, err := b.Upload(t.Context(), "someone/import/1", bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(u.Key, other.Key) || len(u.Key) != 32 {
		t.Errorf("the keys of two uploads are %d bytes and the same: %t", len(u.Key), bytes.Equal(u.Key, other.Key))
	}
	refused := func(name string, wrong rpc.Upload) {
		if err := b.Download(t.Context(), wrong, io.Discard); err == nil || errors.Is(err, bus.ErrUploadGone) {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused("another upload's key", rpc.Upload{Name: u.Name, Pieces: u.Pieces, Bytes: u.Bytes, Key: other.Key})
	refused("a short key", rpc.Upload{Name: u.Name, Pieces: u.Pieces, Bytes: u.Bytes, Key: u.Key[:16]})

	store, err := b.JetStream().ObjectStore(t.Context(), events.BucketUploads)
	if err != nil {
		t.Fatal(err)
	}
	first, err := store.GetBytes(t.Context(), u.Name+"/sealed-000000")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.PutBytes(t.Context(), u.Name+"/sealed-000001", first); err != nil {
		t.Fatal(err)
	}
	refused("two pieces that changed places", u)
}

// A gateway and a poller of different versions meet during an upgrade.
func TestUploadsOfBeforeEncryption(t *testing.T) {
	b := bustest.New(t)
	old := inClear(t, b, "someone/import/0", []byte("an archive"))
	var got bytes.Buffer
	if err := b.Download(t.Context(), old, &got); err != nil || got.String() != "an archive" {
		t.Errorf("an upload of before reads %q: %v", got.String(), err)
	}
	if err := b.DeleteUpload(t.Context(), old); err != nil {
		t.Error(err)
	}
	if n := stored(t, b); n != 0 {
		t.Errorf("%d chunks stay", n)
	}
	// A program of before asks for pieces by their old names, and finds none.
	u, err := b.Upload(t.Context(), "someone/import/1", bytes.NewReader([]byte("an archive")))
	if err != nil {
		t.Fatal(err)
	}
	u.Key = nil
	if err := b.Download(t.Context(), u, io.Discard); !errors.Is(err, bus.ErrUploadGone) {
		t.Errorf("a program of before encryption reads %v", err)
	}
}
