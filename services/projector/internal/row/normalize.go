package row

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/events/rawjson"
	"github.com/stridelog/stridelog/provider"
)

// normalize fills what a version shows. It returns what is wrong with the
// record, or nothing; then the version is left as it was.
func (r *Reader) normalize(v *Version, a *events.ActivityFetched) (problem string) {
	n, ok := r.normalizers[a.Format]
	if !ok {
		return fmt.Sprintf("no normalizer for format %q; a version of Stridelog that knows it reads the record", a.Format)
	}
	w, normalizer, err := call(n, provider.Record{
		Provider: a.Provider, ExternalID: a.ExternalID, Format: a.Format, Raw: a.Raw, Context: a.Context,
	})
	v.NormalizerVersion = int32(normalizer)
	if err != nil {
		return err.Error()
	}
	w.ID, w.UserID, w.ExternalID, w.Version = v.WorkoutID.String(), a.UserID, a.ExternalID, v.Sequence
	w.StartTime, w.EndTime = w.StartTime.UTC(), w.EndTime.UTC()
	day, err := check(w)
	if err != nil {
		return "the normalizer gave no storable workout: " + err.Error()
	}
	doc, details, err := texts(w)
	if err != nil {
		return "the normalizer gave no storable workout: " + err.Error()
	}
	v.StartTime, v.EndTime, v.LocalDate, v.Type, v.Category = &w.StartTime, &w.EndTime, day, &w.Type, &w.Category
	v.Doc, v.Details = &doc, details
	grade := gradeOf(w, r.rank(a.Provider))
	v.Grade = &grade
	return ""
}

// call keeps a normalizer's panic to the record that caused it.
func call(n provider.Normalizer, r provider.Record) (w events.Workout, version int, err error) {
	defer func() {
		if p := recover(); p != nil {
			// The value of the panic may quote the record.
			err = fmt.Errorf("the normalizer of %s panicked (%T)", r.Format, p)
		}
	}()
	version = n.Version()
	w, err = n.Normalize(r)
	return w, version, err
}

func check(w events.Workout) (day *time.Time, err error) {
	if !events.InRange(w.StartTime) || !events.InRange(w.EndTime) {
		return nil, fmt.Errorf("start or end is out of range")
	}
	if err := storable(w.Type, w.Category); err != nil {
		return nil, fmt.Errorf("type or category is no valid text")
	}
	if w.LocalDate != nil {
		d, err := time.Parse(time.DateOnly, *w.LocalDate)
		if err != nil || !events.InRange(d) {
			return nil, fmt.Errorf("local_date is no date")
		}
		day = &d
	}
	return day, nil
}

// texts are the workout as the API shows it, and its details beside it.
func texts(w events.Workout) (doc string, details []byte, err error) {
	if len(w.Details) > 0 && string(w.Details) != "null" {
		if !rawjson.Valid(w.Details) {
			return "", nil, fmt.Errorf("details are not JSON")
		}
		if details = w.Details; !utf8.Valid(details) {
			details = bytes.ToValidUTF8(details, []byte("\uFFFD"))
		}
	}
	w.Details = nil
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(w); err != nil {
		return "", nil, err
	}
	return strings.TrimSuffix(b.String(), "\n"), details, nil
}
