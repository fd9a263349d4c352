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
	truths := slices.DeleteFunc(c.w.cloud.Truth(c.account), func(t simulator.Truth) bool {
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
			return c.w.cloud.Edit(c.account, t.ExternalID, change)
		}
	}
	return nil
}

// fieldEdits change one field each, so that every field is edited by somebody.
func fieldEdits() []func(*simulator.Truth) {
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
		func(t *simulator.Truth) {
			t.Zones = []simulator.Zone{
				{Word: "out_of_zone", Label: "Out of Range", MinBPM: 30, MaxBPM: 100, Minutes: 1}, {Word: "fat_burn", Label: "Fat Burn", MinBPM: 100, MaxBPM: 140, Minutes: 2},
				{Word: "cardio", Label: "Cardio", MinBPM: 140, MaxBPM: 170, Minutes: 3}, {Word: "peak", Label: "Peak", MinBPM: 170, MaxBPM: 220, Minutes: 4},
			}
		},
		func(t *simulator.Truth) { t.Recording = simulator.RecordedManually },
		func(t *simulator.Truth) {
			t.Device = &simulator.Device{ID: "1234567", Name: "Another One", Type: simulator.DeviceTracker}
		},
	}
}

// editFields edits one field of each record. The operations begin with other
// fields, so that all of them are edited although no account has so many records.
func (c *cell) editFields() error {
	edits := fieldEdits()
	from := slices.Index(operations(), c.op) * len(edits) / len(operations())
	for i, t := range c.w.cloud.Truth(c.account) {
		c.versions[t.ExternalID]++
		if err := c.w.cloud.Edit(c.account, t.ExternalID, edits[(from+i)%len(edits)]); err != nil {
			return err
		}
	}
	return nil
}

// uploadLate adds a record between those that are there.
func (c *cell) uploadLate() error {
	t := c.w.cloud.Truth(c.account)[0]
	t.ExternalID, t.Name = "", nil
	t.Start = time.Now().UTC().Truncate(time.Second).Add(-50 * time.Hour)
	t.OriginalStart = time.Time{}
	id, err := c.w.cloud.Upload(c.account, t)
	c.versions[id] += 0
	return err
}

func (c *cell) remove() error {
	for _, t := range c.recent() {
		if c.versions[t.ExternalID] == 0 {
			c.gone[t.ExternalID] = true
			return c.w.cloud.Delete(c.account, t.ExternalID)
		}
	}
	return nil
}
