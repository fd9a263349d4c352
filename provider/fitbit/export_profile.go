package fitbit

import (
	"regexp"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/archive"
	"github.com/stridelog/stridelog/provider/internal/csvtable"
)

// profile is what is read of Profile.csv (section 6). The file also holds the
// person's name, address and date of birth; those columns are not looked at.
type profile struct {
	timeZone     string // IANA
	distanceUnit string
	locale       string
}

// profiles are those of all files, in the order they were found.
type profiles []profile

// read says whether the file can be a profile: one that is {} cannot.
func (p *profiles) read(f archive.File) bool {
	text, problem := readAll(f, maxProfile)
	if problem != "" {
		return true
	}
	table, err := csvtable.Open(text)
	if err != nil || isEmptyObject(text) {
		return err != nil
	}
	if row, ok, _ := table.Next(); ok {
		*p = append(*p, profile{
			timeZone:     rowText(row, "timezone"),
			distanceUnit: rowText(row, "distance_unit"),
			locale:       rowText(row, "locale"),
		})
	}
	return true
}

// What the columns can hold. Anything else is not what we think it is, and could
// be what we must not keep.
var (
	unitForm   = regexp.MustCompile(`^(METRIC|[a-z]{2}_[A-Z]{2})$`)
	localeForm = regexp.MustCompile(`^[a-z]{2,3}([_-][A-Z][A-Za-z]{1,3})*$`)
)

// merge is what all profiles agree about. Files of different exports can differ,
// and none of them says when it was true.
func (p profiles) merge(e *export) profile {
	differ := false
	agreed := func(member func(profile) string) string {
		value := ""
		for _, one := range p {
			switch v := member(one); {
			case v == "":
			case value == "":
				value = v
			case v != value:
				differ = true
				return ""
			}
		}
		return value
	}
	all := profile{
		timeZone:     agreed(func(p profile) string { return p.timeZone }),
		distanceUnit: agreed(func(p profile) string { return p.distanceUnit }),
		locale:       agreed(func(p profile) string { return p.locale }),
	}
	switch _, known := provider.ZoneNamed(all.timeZone); {
	case differ:
		e.note(provider.NoteProfilesDiffer)
	case all.timeZone == "":
		e.note(provider.NoteProfileMissing)
	case !known:
		e.note(provider.NoteZoneUnknown)
	}
	if _, known := provider.ZoneNamed(all.timeZone); !known {
		all.timeZone = ""
	}
	if !unitForm.MatchString(all.distanceUnit) {
		all.distanceUnit = ""
	}
	if !localeForm.MatchString(all.locale) {
		all.locale = ""
	}
	return all
}
