package fitbit

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/stridelog/stridelog/provider/archive"
)

// fileKind says what a file of an export is to us.
type fileKind int

const (
	kindUnknown fileKind = iota
	kindExplanation
	kindIgnored // a family that holds no activities
	kindPoints  // positions of one UTC day
	kindProfile
	kindTCX
	kindRows
	kindExercises
)

// named is what a file's name says.
type named struct {
	kind   fileKind
	number uint64 // of a page, the logId of a TCX file, or the UTC day of positions since 1970
}

var (
	exerciseName = regexp.MustCompile(`^exercise-([0-9]{1,18})$`)
	rowsName     = regexp.MustCompile(`^userexercises_[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	pointsName   = regexp.MustCompile(`^gps_location_([0-9]{4}-[0-9]{2}-[0-9]{2})$`)
	tcxName      = regexp.MustCompile(`^([1-9][0-9]{0,19})$`)
	dated        = regexp.MustCompile(`[-_ ]*([0-9]{4}-[0-9]{2}(-[0-9]{2})?|[0-9]+)$`)
)

// kindOf tells by the base name, because people pack archives anew without their
// folders (section 1.1). The folder only tells what is known to be of no use.
func kindOf(f archive.File) named {
	stem, extension := f.Base, ""
	if dot := strings.LastIndexByte(stem, '.'); dot > 0 {
		stem, extension = stem[:dot], strings.ToLower(stem[dot+1:])
	}
	stem = archive.OriginalName(stem)
	switch extension {
	case "json":
		if page := exerciseName.FindStringSubmatch(stem); page != nil {
			n, _ := strconv.ParseUint(page[1], 10, 64)
			return named{kindExercises, n}
		}
	case "csv":
		if rowsName.MatchString(stem) {
			return named{kind: kindRows}
		}
		if day := pointsName.FindStringSubmatch(stem); day != nil {
			if at, err := time.Parse(time.DateOnly, day[1]); err == nil && at.Unix() >= 0 {
				return named{kindPoints, uint64(dayOf(at))} //nolint:gosec // not before 1970
			}
		}
		if stem == "profile" {
			return named{kind: kindProfile}
		}
	case "tcx":
		if id := tcxName.FindStringSubmatch(stem); id != nil {
			if n, err := strconv.ParseUint(id[1], 10, 64); err == nil {
				return named{kindTCX, n}
			}
		}
	case "txt", "html", "pdf":
		if strings.Contains(stem, "readme") || stem == "archive_browser" {
			return named{kind: kindExplanation}
		}
	}
	if isIgnored(f.Path, stem, extension) {
		return named{kind: kindIgnored}
	}
	return named{}
}

// isIgnored says whether a file is of a family that is known and has no
// activities (sections 1.2, 1.3 and 5).
func isIgnored(path, stem, extension string) bool {
	folders := strings.Split(path, "/")
	for _, folder := range folders[:len(folders)-1] {
		if ignoredFolder(strings.ToLower(folder)) || ignoredFolder(archive.OriginalName(folder)) {
			return true
		}
	}
	return (extension == "json" || extension == "csv") && ignoredFamily(dated.ReplaceAllString(stem, ""))
}

func ignoredFolder(name string) bool {
	switch name {
	case "health fitness data_googledata", "physical activity_googledata", "device events_googledata", "sleep score",
		"active zone minutes (azm)", "heart rate variability", "oxygen saturation (spo2)", "temperature", "stress score", "stress",
		"stress journal", "daily readiness", "paired devices", "biometrics", "account changes", "user security data",
		"challenges", "menstrual health", "mindfulness", "nudge", "sleep", "user-profile":
		return true
	}
	return strings.HasPrefix(name, "social") || strings.HasPrefix(name, "commerce")
}

func ignoredFamily(stem string) bool {
	switch stem {
	case "steps", "distance", "calories", "altitude", "sedentary_minutes", "lightly_active_minutes", "moderately_active_minutes",
		"very_active_minutes", "sleep", "weight", "height", "swim_lengths_data", "heart_rate", "time_in_heart_rate_zones",
		"estimated_oxygen_variation", "resting_heart_rate", "demographic_vo2_max", "run_vo2_max", "badge", "trophy",
		"food_logs", "water_logs", "usersleeps", "usersleepstages", "usersleepscores", "gps_location", "daily_resting_heart_rate",
		"sleep_score", "body_fat":
		return true
	}
	return false
}
