package simulator

import (
	"errors"
	"fmt"
	"math"
)

// check says what is wrong with a table of extra records.
func (e Extras) check() error {
	var all []error
	for i, r := range e.Copies {
		all = append(all, wrap(fmt.Sprintf("copies %d", i), r.check()))
	}
	for i, r := range e.Detections {
		all = append(all, wrap(fmt.Sprintf("detections %d", i), r.check()))
	}
	for i, f := range e.Forgotten {
		all = append(all, wrap(fmt.Sprintf("forgotten %d", i), errors.Join(
			f.Start.check("Start", math.MinInt), f.Length.check("Length", 0), inPercent("Percent", f.Percent), inPercent("HeartRate", f.HeartRate))))
	}
	return errors.Join(all...)
}

func (r Repeat) check() error {
	var unknown error
	if r.Type != "" && activityOf(r.Type).word != r.Type {
		unknown = fmt.Errorf("its type is %q, which nobody here does; give running, workout or another that has a label here", r.Type)
	}
	return errors.Join(unknown,
		r.Start.check("Start", math.MinInt), r.Length.check("Length", 0),
		inPercent("Percent", r.Percent), inPercent("Automatic", r.Automatic), inPercent("Lost.Distance", r.Lost.Distance),
		inPercent("Lost.HeartRate", r.Lost.HeartRate), inPercent("Lost.Energy", r.Lost.Energy), inPercent("Lost.Steps", r.Lost.Steps),
		inPercent("Lost.Name", r.Lost.Name))
}

func inPercent(name string, n int) error {
	if n < 0 || n > 100 {
		return fmt.Errorf("%s is %d; give 0 to 100", name, n)
	}
	return nil
}

func wrap(where string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("extra records, %s: %w", where, err)
}
