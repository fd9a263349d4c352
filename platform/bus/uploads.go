package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rpc"
)

const (
	// pieceSize is how much of an upload is under way to the server at once. The
	// object store's client waits for its acknowledgements only at an object's end,
	// and a server drops what waits for a slow disk beyond 128 MB, so a file is
	// stored as many objects.
	pieceSize = 8 << 20
	// chunkSize fits into a message of any server: the default limit is 1 MB.
	chunkSize = 256 << 10
	// pieceTimeout bounds storing, reading or deleting one piece.
	pieceTimeout = time.Minute
)

// ErrUploadGone says that an upload is not there, or not whole: it was deleted, or
// nobody took it for events.UploadRetention.
var ErrUploadGone = errors.New("the upload is not there any more")

// bucketStream is the stream that an object store is made of.
const bucketStream = "OBJ_" + events.BucketUploads

// declareUploads makes the bucket, or gives it the retention and replicas that are
// declared. What is read by name comes from the stream's leader: a replica that is
// behind would not know an upload that has just ended.
func (b *Bus) declareUploads(ctx context.Context) error {
	s, err := b.js.Stream(ctx, bucketStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = b.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
			Bucket: events.BucketUploads, Description: "Uploaded archives, until they are imported",
			TTL: events.UploadRetention, Storage: jetstream.FileStorage, Replicas: b.replicas, // archives are compressed already
		})
		if err != nil && !errors.Is(err, jetstream.ErrBucketExists) { // another process was faster
			return err
		}
		s, err = b.js.Stream(ctx, bucketStream)
	}
	if err != nil {
		return err
	}
	c := s.CachedInfo().Config
	if c.MaxAge == events.UploadRetention && c.Replicas >= b.replicas && !c.AllowDirect {
		return nil
	}
	c.MaxAge, c.Replicas, c.AllowDirect = events.UploadRetention, max(c.Replicas, b.replicas), false
	_, err = b.js.UpdateStream(ctx, c)
	return err
}

// Upload stores a file under a name of its own, however large, with the memory of
// two pieces. It is encrypted with a key of its own, which is in the answer and nowhere
// else. On an error, which can be the reader's, nothing of it stays.
func (b *Bus) Upload(ctx context.Context, name string, r io.Reader) (u rpc.Upload, err error) {
	u.Name, u.Key = name, newUploadKey()
	sealing, err := piecesOf(u)
	if err != nil {
		return u, err
	}
	store, err := b.js.ObjectStore(ctx, events.BucketUploads)
	if err != nil {
		return u, fmt.Errorf("open the bucket of uploads: %w", err)
	}
	// What was begun is tidied up also when whoever uploads goes away.
	tidy := context.WithoutCancel(ctx)
	defer func() {
		if err != nil {
			err = errors.Join(err, b.DeleteUpload(tidy, u))
		}
	}()
	piece := make([]byte, pieceSize)
	for {
		n, err := fill(r, piece) // at its own pace; the server must be faster
		ended := errors.Is(err, io.EOF)
		switch {
		case err != nil && !ended:
			return u, err
		case ctx.Err() != nil:
			return u, ctx.Err()
		case ended && n == 0 && u.Pieces > 0:
			return u, nil
		}
		sealed, err := sealing.seal(u.Pieces, piece[:n])
		if err != nil {
			return u, fmt.Errorf("encrypt an upload: %w", err)
		}
		if err := put(tidy, store, sealing.name(u.Pieces), sealed); err != nil {
			return u, fmt.Errorf("store an upload: %w", err)
		}
		u.Pieces, u.Bytes = u.Pieces+1, u.Bytes+int64(n)
		if ended {
			return u, nil
		}
	}
}

func put(ctx context.Context, store jetstream.ObjectStore, name string, piece []byte) error {
	ctx, cancel := context.WithTimeout(ctx, pieceTimeout)
	defer cancel()
	_, err := store.Put(ctx, jetstream.ObjectMeta{Name: name, Opts: &jetstream.ObjectMetaOptions{ChunkSize: chunkSize}}, bytes.NewReader(piece))
	return err
}

// fill reads until the piece is full or the source ends, which is io.EOF. It is not
// io.ReadFull: a source that breaks off must not look like one that ends.
func fill(r io.Reader, piece []byte) (n int, err error) {
	for n < len(piece) && err == nil {
		var got int
		got, err = r.Read(piece[n:])
		n += got
	}
	return n, err
}

// Download writes an upload to w, decrypted. ErrUploadGone when a piece is missing; the
// client checks every piece's digest, and decryption its place.
func (b *Bus) Download(ctx context.Context, u rpc.Upload, w io.Writer) error {
	store, err := b.js.ObjectStore(ctx, events.BucketUploads)
	if err != nil {
		return fmt.Errorf("open the bucket of uploads: %w", err)
	}
	sealing, err := piecesOf(u)
	if err != nil {
		return err
	}
	var total int64
	for n := range u.Pieces {
		piece, err := download(ctx, store, sealing.name(n))
		if err == nil {
			piece, err = sealing.open(n, piece)
		}
		if err != nil {
			return fmt.Errorf("read piece %d of %d of an upload: %w", n+1, u.Pieces, err)
		}
		if _, err := w.Write(piece); err != nil {
			return err
		}
		total += int64(len(piece))
	}
	if total != u.Bytes {
		return fmt.Errorf("an upload of %d bytes came back with %d: %w", u.Bytes, total, ErrUploadGone)
	}
	return nil
}

func download(ctx context.Context, store jetstream.ObjectStore, name string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, pieceTimeout)
	defer cancel()
	piece, err := store.GetBytes(ctx, name)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, ErrUploadGone
	}
	return piece, err
}

// DeleteUpload deletes an upload. One that is not there is no error. The bucket's files
// keep the deleted bytes for a while: whoever wants them unreadable forgets u.Key.
func (b *Bus) DeleteUpload(ctx context.Context, u rpc.Upload) error {
	store, err := b.js.ObjectStore(ctx, events.BucketUploads)
	if err != nil {
		return fmt.Errorf("open the bucket of uploads: %w", err)
	}
	sealing, err := piecesOf(u)
	if err != nil {
		return err
	}
	for n := range u.Pieces {
		limit, cancel := context.WithTimeout(ctx, pieceTimeout)
		err := store.Delete(limit, sealing.name(n))
		cancel()
		if err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
			return fmt.Errorf("delete an upload: %w", err)
		}
	}
	return nil
}
