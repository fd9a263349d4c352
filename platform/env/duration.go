package env

import (
	"fmt"
	"math"
	"time"
)

// ParseDuration reads a span of whole numbers with the units d, h, m and s, each
// at most once and in this order: 30s, 15m, 1d12h. A day is 24 hours. Zero is
// "0" or any of them with 0.
func ParseDuration(s string) (time.Duration, error) {
	bad := func(why string) (time.Duration, error) {
		return 0, fmt.Errorf("%q is not a duration such as 30s, 15m, 6h, 7d or 1d12h: %s", s, why)
	}
	if s == "0" {
		return 0, nil
	}
	if s == "" {
		return bad("it is empty")
	}
	var total time.Duration
	last := time.Duration(math.MaxInt64)
	for rest := s; rest != ""; {
		digits := 0
		for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
			digits++
		}
		if digits == 0 {
			return bad("a unit needs a whole number before it")
		}
		if digits == len(rest) {
			return bad("a number needs a unit after it")
		}
		unit := unitOf(rest[digits])
		if unit == 0 {
			return bad("the units are d, h, m and s")
		}
		if unit >= last {
			return bad("each unit comes once, the largest first")
		}
		last = unit
		n, ok := number(rest[:digits], (math.MaxInt64-total)/unit)
		if !ok {
			return bad("it is too long")
		}
		total += n * unit
		rest = rest[digits+1:]
	}
	return total, nil
}

func unitOf(c byte) time.Duration {
	switch c {
	case 'd':
		return 24 * time.Hour
	case 'h':
		return time.Hour
	case 'm':
		return time.Minute
	case 's':
		return time.Second
	}
	return 0
}

// number reads digits up to a limit.
func number(digits string, limit time.Duration) (time.Duration, bool) {
	var n time.Duration
	for _, c := range digits {
		d := time.Duration(c - '0')
		if d > limit || n > (limit-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}
