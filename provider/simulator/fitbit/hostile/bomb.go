package hostile

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
)

const (
	bombChunk  = 1 << 20 // bytes
	bombChunks = 256     // in a quarter of a megabyte
	bombFiles  = 260_000
	giant      = 4 << 20 // bytes of one record
	depth      = 200_000
)

// ratioBomb is a small file that unpacks to a page of 256 megabytes of blanks.
// One packed megabyte is written again and again.
func ratioBomb(w io.Writer) error {
	blanks := bytes.Repeat([]byte(" "), bombChunk)
	var packed bytes.Buffer
	squeezer, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return err
	}
	_, err = squeezer.Write(blanks)
	if err = errors.Join(err, squeezer.Flush()); err != nil {
		return err
	}
	chunk := bytes.Clone(packed.Bytes())
	if err := squeezer.Close(); err != nil {
		return err
	}
	end := packed.Bytes()[len(chunk):]
	sum := crc32.NewIEEE()
	for range bombChunks {
		_, _ = sum.Write(blanks)
	}
	pack := zip.NewWriter(w)
	entry, err := pack.CreateRaw(&zip.FileHeader{
		Name: page, Method: zip.Deflate, CRC32: sum.Sum32(),
		UncompressedSize64: bombChunk * bombChunks, CompressedSize64: uint64(len(chunk)*bombChunks + len(end)),
	})
	if err != nil {
		return err
	}
	for range bombChunks {
		if _, err := entry.Write(chunk); err != nil {
			return err
		}
	}
	_, err = entry.Write(end)
	return errors.Join(err, pack.Close())
}

// countBomb has far more entries than any export.
func countBomb(w io.Writer) error {
	pack := zip.NewWriter(w)
	for i := range bombFiles {
		if _, err := pack.CreateRaw(&zip.FileHeader{Name: fmt.Sprintf("T/exercise-%d.json", i*100)}); err != nil {
			return err
		}
	}
	return pack.Close()
}

// zipLink is a page that is a symbolic link.
func zipLink(w io.Writer) error {
	pack := zip.NewWriter(w)
	header := &zip.FileHeader{Name: page, Method: zip.Store}
	header.SetMode(fs.ModeSymlink | 0o777)
	entry, err := pack.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = io.WriteString(entry, "/etc/passwd")
	return errors.Join(err, pack.Close())
}

// encrypted is a page that needs a password.
func encrypted(w io.Writer) error {
	const length = 512
	secret := make([]byte, length)
	source := rand.New(rand.NewPCG(1, 2))
	for i := range secret {
		secret[i] = byte(source.Uint32())
	}
	pack := zip.NewWriter(w)
	entry, err := pack.CreateRaw(&zip.FileHeader{
		Name: otherPage, Method: zip.Deflate, Flags: 0x1, CRC32: 1, UncompressedSize64: 4 * length, CompressedSize64: length,
	})
	if err != nil {
		return err
	}
	_, err = entry.Write(secret)
	return errors.Join(err, pack.Close())
}

// gigantic is a page with one record of four megabytes, which does not pack
// well enough to be taken for a bomb.
func gigantic(w io.Writer) error {
	source := rand.New(rand.NewPCG(3, 4))
	if _, err := io.WriteString(w, `[{"logId":9000000001,"startTime":"05/07/26 17:55:40","duration":1815000,"activityName":"`); err != nil {
		return err
	}
	const letters = "abcdefghijklmnop"
	block := make([]byte, 64<<10) // twice what deflate looks back, which so finds no repetition
	for i := range block {
		block[i] = letters[source.Uint32()%16]
	}
	for written := 0; written < giant; written += len(block) {
		if _, err := w.Write(block); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, `"}]`)
	return err
}

// deep is a page with a record of 200,000 brackets inside each other.
func deep(w io.Writer) error {
	_, err := io.WriteString(w, `[{"logId":9000000002,"x":`+strings.Repeat("[", depth)+strings.Repeat("]", depth)+`}]`)
	return err
}
