package jsonarray_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/provider/internal/jsonarray"
)

// bound is the bytes that reading may hold.
const bound = 16 << 20

// An array of any length, and an element of any length, take the same memory.
func TestMemoryIsFlat(t *testing.T) {
	entry := `{"logId":%d,"activityName":"Run","pad":"` + strings.Repeat("0123456789", 190) + `"}`
	for name, test := range map[string]struct {
		piece string
		fault string
		size  int64 // bytes of the array
	}{
		"many elements": {",\n" + entry, "", 64 << 20},
		"one element":   {strings.Repeat("0", 1<<20), jsonarray.TooLarge, 64 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			in, out := io.Pipe()
			w := &watched{out: out, before: heap()}
			go func() {
				_, err := io.WriteString(w, "[1")
				for n := 0; err == nil && w.written < test.size; n++ {
					if strings.Contains(test.piece, "%d") {
						_, err = fmt.Fprintf(w, test.piece, n)
					} else {
						_, err = io.WriteString(w, test.piece)
					}
				}
				_, last := io.WriteString(w, "]")
				out.CloseWithError(errors.Join(err, last))
			}()
			r := jsonarray.NewReader(in, jsonarray.Options{Max: 1 << 20, First: "logId"})
			var last jsonarray.Element
			for {
				e, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				last = e
			}
			if r.Offset() < test.size || last.Fault != test.fault {
				t.Fatalf("%d bytes were read, the last element has the fault %q", r.Offset(), last.Fault)
			}
			if w.peak > w.before+bound {
				t.Errorf("%d bytes more are held than before", w.peak-w.before)
			}
		})
	}
}

// watched measures the memory that is held while somebody reads what is written.
type watched struct {
	out          io.Writer
	before, peak uint64
	written      int64
	next         int64
}

func (w *watched) Write(p []byte) (int, error) {
	if w.written >= w.next {
		w.peak = max(w.peak, heap())
		w.next += 4 << 20
	}
	n, err := w.out.Write(p)
	w.written += int64(n)
	return n, err
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
