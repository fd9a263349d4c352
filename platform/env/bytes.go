package env

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes reads a size such as 500MB, 10GB or 1048576. The units are powers of 1000.
func (r *Reader) Bytes(name string, def int64) int64 {
	v, ok := r.get(name)
	if !ok {
		return def
	}
	n, err := ParseBytes(v)
	if err != nil {
		r.Fault(name, err.Error())
		return def
	}
	return n
}

// ParseBytes reads a whole number with one of the units B, KB, MB, GB and TB, or
// without one, which is bytes.
func ParseBytes(s string) (int64, error) {
	fault := func(why string) error {
		return fmt.Errorf("%q is not a size such as 500MB or 10GB: %s", s, why)
	}
	digits, unit := s, int64(1)
	for i, name := range []string{"KB", "MB", "GB", "TB"} {
		if rest, found := strings.CutSuffix(s, name); found {
			digits, unit = rest, int64(math.Pow10(3*(i+1)))
		}
	}
	if unit == 1 {
		digits = strings.TrimSuffix(s, "B")
	}
	n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 63)
	switch {
	case errors.Is(err, strconv.ErrRange), err == nil && int64(n) > math.MaxInt64/unit: //nolint:gosec // 63 bits
		return 0, fault("it is too large")
	case err != nil:
		return 0, fault("it needs a whole number and one of the units B, KB, MB, GB and TB")
	}
	return int64(n) * unit, nil //nolint:gosec // 63 bits
}
