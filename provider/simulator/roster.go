package simulator

import (
	"fmt"
	"time"
)

// Roster gives four people who between them show what accounts are like: a
// runner who travels, somebody whose winter offset is zero, somebody whose
// labels are Italian, and somebody who uses miles. Their history begins on
// 1 January of the year before now.
func Roster(seed int64, now time.Time) ([]*Person, error) {
	table := []struct {
		name, zone string
		options    Options
	}{
		{"anna", "Europe/Berlin", Options{DisplayName: "Anna Beispiel", Style: StyleRunner, Travels: []string{"America/New_York", "Asia/Tokyo", "Asia/Kolkata"}}},
		{"oliver", "Europe/London", Options{DisplayName: "Oliver Sample", Style: StyleRider}},
		{"giulia", "Europe/Rome", Options{DisplayName: "Giulia Esempio", Style: StyleWalker, Language: "it"}},
		{"marcus", "America/Los_Angeles", Options{DisplayName: "Marcus Example", Style: StyleGym, Miles: true, Travels: []string{"Pacific/Auckland", "America/Halifax"}}},
	}
	people := make([]*Person, 0, len(table))
	for _, row := range table {
		row.options.Now = now
		p, err := NewPerson(seed, row.name, row.zone, row.options)
		if err != nil {
			return nil, fmt.Errorf("simulated roster: %w", err)
		}
		people = append(people, p)
	}
	return people, nil
}
