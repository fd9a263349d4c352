package simulator

import "fmt"

// Spread is a distribution of whole numbers. One of its shares is drawn by weight,
// and within it each number is as likely as any other. An empty one always gives 0.
type Spread []Share

// Share is a range of a Spread, both ends included.
type Share struct{ Weight, Low, High int }

// draw takes a number. It draws twice, whatever the shares are.
func (s Spread) draw(d random) int {
	total := 0
	for _, share := range s {
		total += share.Weight
	}
	left := d.between(1, total)
	var chosen Share
	for _, share := range s {
		if left > 0 {
			chosen = share
		}
		left -= share.Weight
	}
	return d.between(chosen.Low, chosen.High)
}

// check says what is wrong with a distribution of numbers above a bound.
func (s Spread) check(name string, bound int) error {
	if len(s) == 0 && bound >= 0 {
		return fmt.Errorf("%s is empty; give at least one share", name)
	}
	for _, share := range s {
		if share.Weight <= 0 || share.Low > share.High || share.Low <= bound {
			return fmt.Errorf("%s has the share %+v; give a Weight above 0, and a Low above %d and at most High", name, share, bound)
		}
	}
	return nil
}
