package fitbit

import (
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stridelog/stridelog/provider"
)

// What the reader of an export hands on of a record is what another reading of the
// record finds.
func TestAReadingIsThatOfTheRecord(t *testing.T) {
	sighted, joined := 0, 0
	for _, era := range eras() {
		for _, a := range readExport(t, filepath.Join("testdata", "exports", era)).activities {
			got := *a.Reading
			if want := provider.EditionOf(a.ModifiedAt, a.Raw); got.Edition != want {
				t.Errorf("%s, %s: edition %v, want %v", era, a.ExternalID, got.Edition, want)
			}
			record := provider.Record{Provider: Name, ExternalID: a.ExternalID, Format: a.Format, Raw: a.Raw, Context: a.Context}
			want, ok := Normalizers().Sight(record)
			if ok != (got.Sighting != nil) || ok && !reflect.DeepEqual(*got.Sighting, want) {
				t.Errorf("%s, %s: sighting %+v, want %+v (%v)", era, a.ExternalID, got.Sighting, want, ok)
			}
			if ok {
				sighted++
			}
			if checkCompanion(t, a) {
				joined++
			}
		}
	}
	if sighted == 0 || joined == 0 {
		t.Errorf("%d records with a sighting and %d with a companion: the samples prove nothing", sighted, joined)
	}
}

func checkCompanion(t *testing.T, a provider.ImportedActivity) (joined bool) {
	t.Helper()
	want, ok := (&export{}).Alone(a.Context.Companion)
	got := a.Reading.Companion
	if !ok || got == nil {
		if ok || got != nil {
			t.Errorf("%s: a companion by itself is %v in the reading, and %v when it is read again", a.ExternalID, got != nil, ok)
		}
		return false
	}
	if got.Text() != a.Context.Companion || want.Text() != a.Context.Companion {
		t.Errorf("%s: the companion's text is not that of the context", a.ExternalID)
	}
	one := *got
	one.Text, want.Text = nil, nil
	if !reflect.DeepEqual(one, want) {
		t.Errorf("%s: companion %+v, want %+v", a.ExternalID, one, want)
	}
	return true
}
