package bus_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/platform/bus"
	"github.com/stridelog/stridelog/platform/bus/bustest"
)

// stored is how many bytes the bucket holds.
func stored(t *testing.T, b *bus.Bus) (chunks uint64) {
	t.Helper()
	s, err := b.JetStream().Stream(t.Context(), "OBJ_"+events.BucketUploads)
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Info(t.Context(), jetstream.WithSubjectFilter("$O."+events.BucketUploads+".C.>"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range info.State.Subjects {
		chunks += n
	}
	return chunks
}

func TestAnUploadComesBackAsItWasAndGoesWhole(t *testing.T) {
	b := bustest.New(t)
	for _, size := range []int64{0, 1, 8 << 20, 20<<20 + 7} {
		sum := sha256.New()
		source := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{byte(size)}), size), sum)
		u, err := b.Upload(t.Context(), "someone/import/0", iotest.HalfReader(source))
		if err != nil {
			t.Fatal(err)
		}
		back := sha256.New()
		if err := b.Download(t.Context(), u, back); err != nil {
			t.Fatal(err)
		}
		if u.Bytes != size || !bytes.Equal(back.Sum(nil), sum.Sum(nil)) {
			t.Errorf("%d bytes came back as %d, or others", size, u.Bytes)
		}
		if n := stored(t, b); (n > 0) != (size > 0) {
			t.Errorf("%d bytes are %d chunks", size, n)
		}
		for range 2 {
			if err := b.DeleteUpload(t.Context(), u); err != nil {
				t.Fatal(err)
			}
		}
		if n := stored(t, b); n != 0 {
			t.Errorf("%d chunks stay", n)
		}
		if err := b.Download(t.Context(), u, io.Discard); u.Pieces > 0 && !errors.Is(err, bus.ErrUploadGone) {
			t.Errorf("a deleted upload gives %v", err)
		}
	}
}

func TestAnUploadThatBreaksOffLeavesNothing(t *testing.T) {
	b := bustest.New(t)
	for _, broken := range []error{errors.New("the person went away"), io.ErrUnexpectedEOF} {
		source := io.MultiReader(io.LimitReader(rand.NewChaCha8([32]byte{}), 20<<20+7), iotest.ErrReader(broken))
		if _, err := b.Upload(t.Context(), "someone/import/0", source); !errors.Is(err, broken) {
			t.Errorf("the upload ends with %v", err)
		}
		if n := stored(t, b); n != 0 {
			t.Errorf("%d chunks stay", n)
		}
	}
}

func TestTheBucketKeepsUploadsForADay(t *testing.T) {
	b := bustest.New(t)
	s, err := b.JetStream().Stream(t.Context(), "OBJ_"+events.BucketUploads)
	if err != nil {
		t.Fatal(err)
	}
	c := s.CachedInfo().Config
	if c.MaxAge != events.UploadRetention || c.Storage != jetstream.FileStorage || c.Compression != jetstream.NoCompression {
		t.Errorf("the bucket is %+v", c)
	}
	c.MaxAge *= 2
	if _, err := b.JetStream().UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := b.DeclareStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err = b.JetStream().Stream(t.Context(), c.Name)
	if err != nil || s.CachedInfo().Config.MaxAge != events.UploadRetention {
		t.Errorf("declared again it keeps uploads for %v, %v", s.CachedInfo().Config.MaxAge, err)
	}
}
