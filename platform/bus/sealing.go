package bus

import (
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// uploadKeySize is the size of an upload's key in bytes: AES-256-GCM.
const uploadKeySize = 32

// errSealed says that a piece does not open with its upload's key.
var errSealed = errors.New("a piece of the upload cannot be decrypted: it was changed, or its key is another one")

// newUploadKey makes the key of one upload. It travels with rpc.Upload and is stored
// with the import alone, so that what the bucket's files keep after a deletion is
// noise once the import has forgotten the key.
func newUploadKey() []byte {
	key := make([]byte, uploadKeySize)
	_, _ = rand.Read(key) // never fails
	return key
}

// pieces encrypts and decrypts the pieces of one upload.
type pieces struct {
	upload rpc.Upload
	aead   tink.AEAD // nil for an upload of before uploads were encrypted
}

func piecesOf(u rpc.Upload) (pieces, error) {
	if len(u.Key) == 0 {
		return pieces{upload: u}, nil
	}
	aead, err := subtle.NewAESGCM(u.Key)
	if err != nil || len(u.Key) != uploadKeySize {
		return pieces{}, fmt.Errorf("the key of an upload has %d bytes instead of %d", len(u.Key), uploadKeySize)
	}
	return pieces{u, aead}, nil
}

// name is the name of piece n in the bucket. Encrypted pieces have names of their own:
// a program from before them says that the upload is gone and is to be sent again,
// and never takes noise for an archive.
func (p pieces) name(n int) string {
	if p.aead == nil {
		return fmt.Sprintf("%s/%06d", p.upload.Name, n)
	}
	return fmt.Sprintf("%s/sealed-%06d", p.upload.Name, n)
}

// seal encrypts piece n, for its own place in its own upload. An empty piece stays empty.
func (p pieces) seal(n int, plain []byte) ([]byte, error) {
	if p.aead == nil || len(plain) == 0 {
		return plain, nil
	}
	return p.aead.Encrypt(plain, []byte(p.name(n)))
}

func (p pieces) open(n int, sealed []byte) ([]byte, error) {
	if p.aead == nil || len(sealed) == 0 {
		return sealed, nil
	}
	plain, err := p.aead.Decrypt(sealed, []byte(p.name(n)))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}
