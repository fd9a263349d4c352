package e2e

import (
	"slices"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
)

func editDistance(t *simulator.Truth) {
	meters := 4321.0
	t.DistanceMeters = &meters
}

// recent are the account's records that every scan reads, and that are not near
// the edges of its window: newest first.
func (c *cell) recent() []simulator.Truth {
	now := time.Now()
	truths := slices.DeleteFunc(c.w.side.Truth(c.account), func(t simulator.Truth) bool {
		return t.Start.Before(now.Add(-4*day)) || t.Start.After(now.Add(-15*time.Hour))
	})
	slices.Reverse(truths)
	return truths
}

// edit changes one record that was not changed yet.
func (c *cell) edit(change func(*simulator.Truth)) error {
	for _, t := range c.recent() {
		if c.versions[t.ExternalID] == 0 {
			c.versions[t.ExternalID]++
			c.gone[t.ExternalID] = c.row.beyond
			return c.w.side.Edit(c.account, t.ExternalID, change)
		}
	}
	return nil
}

// measureEdits change one field each of those that every provider tells alike.
func measureEdits() []func(*simulator.Truth) {
	return []func(*simulator.Truth){
		editDistance,
		func(t *simulator.Truth) { t.Start = t.Start.Add(-time.Hour) },
		func(t *simulator.Truth) { t.Duration += 5 * time.Minute },
		func(t *simulator.Truth) { t.ActiveDuration -= time.Minute },
		func(t *simulator.Truth) { t.Type, t.Custom = "yoga", false },
		func(t *simulator.Truth) { name := "Renamed"; t.Name = &name },
		func(t *simulator.Truth) { kcal := 987; t.CaloriesKcal = &kcal },
		func(t *simulator.Truth) { steps := 12345; t.Steps = &steps },
		func(t *simulator.Truth) { bpm := 131; t.AvgHeartRateBPM = &bpm },
		func(t *simulator.Truth) { meters := 30.48; t.ElevationGainMeters = &meters },
	}
}

// editFields edits one field of each record. The operations begin with other
// fields, so that all of them are edited although no account has so many records.
func (c *cell) editFields() error {
	fields := c.w.side.fields()
	from := slices.Index(operations(), c.op) * fields / len(operations())
	for i, t := range c.w.side.Truth(c.account) {
		c.versions[t.ExternalID]++
		if err := c.w.side.editField(c.account, t.ExternalID, (from+i)%fields); err != nil {
			return err
		}
	}
	return nil
}

// uploadLate adds a record between those that are there.
func (c *cell) uploadLate() error {
	t := c.w.side.Truth(c.account)[0]
	t.ExternalID, t.Name = "", nil
	t.Start = time.Now().UTC().Truncate(time.Second).Add(-50 * time.Hour)
	t.OriginalStart = time.Time{}
	id, err := c.w.side.Upload(c.account, t)
	c.versions[id] += 0
	return err
}

func (c *cell) remove() error {
	for _, t := range c.recent() {
		if c.versions[t.ExternalID] == 0 {
			c.gone[t.ExternalID] = true
			return c.w.side.Delete(c.account, t.ExternalID)
		}
	}
	return nil
}
