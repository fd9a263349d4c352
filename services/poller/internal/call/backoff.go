package call

import (
	"math/rand/v2"
	"time"
)

const (
	firstRetry = time.Second
	lastRetry  = 10 * time.Minute
)

// Backoff is how long to wait after the n-th failure in a row, half of it by chance.
func Backoff(n int) time.Duration {
	d := firstRetry
	for ; n > 1 && d < lastRetry; n-- {
		d *= 2
	}
	d = min(d, lastRetry)
	return d/2 + rand.N(d/2+1)
}
