package catalog_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/catalog"
	"github.com/stridelog/stridelog/provider/simulator"
	cloud "github.com/stridelog/stridelog/provider/simulator/fitbit"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/export"
	"github.com/stridelog/stridelog/provider/simulator/fitbit/hostile"
)

var now = time.Date(2026, time.October, 20, 9, 30, 0, 0, time.UTC)

// onlyOne lists the fields that only one way in has, by era, as the documentation
// does. Google's archives tell the most.
func onlyOne(era export.Era) (imported, polled []string) {
	imported = []string{"name", "source.device_type", "source.source"} // of entries without a name, and of those typed into an app
	polled = []string{"source.device", "source.device_name", "source.device_type"}
	switch era {
	case export.EraA:
		return imported, append(polled, "active_zone_minutes", "heart_rate_zones.calories_kcal", "local_date", "zone_offset")
	case export.EraB:
		return imported, append(polled, "heart_rate_zones.calories_kcal")
	default:
		return append(imported, "max_heart_rate_bpm"), polled
	}
}

// roster are people with half a year of history.
func roster(t *testing.T) []*simulator.Person {
	t.Helper()
	people, err := simulator.Roster(5, now)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range people {
		people[i] = p.From(now.AddDate(0, -6, 0))
	}
	return people
}

func TestImportEqualsPollingForEveryFieldThatBothCarry(t *testing.T) {
	people := roster(t)
	fake, err := cloud.New(cloud.Options{
		ClientID: "C", ClientSecret: "s", RedirectURIs: []string{"http://localhost/"}, People: people, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, person := range people {
		for j, era := range export.Eras() {
			packing := []string{"e.zip", "e.tgz", "folder", "parts"}[(i+j)%4]
			t.Run(person.Name()+"/"+string(era)+"/"+packing, func(t *testing.T) {
				a, err := export.New(person, export.Options{
					Era: era, At: now, Truths: fake.Truth(person.AccountID()), CSVOnlySince: now.AddDate(0, -2, 0), Repacked: j%2 == 0, PixelWatch: i == 1,
				})
				if err != nil {
					t.Fatal(err)
				}
				got, _ := read(t, saved(t, a, packing)...)
				compareWithPolling(t, era, a, got, func(id string) []byte { return polled(t, fake.RawRecord(person.AccountID(), id)) })
			})
		}
	}
}

func compareWithPolling(t *testing.T, era export.Era, a *export.Archive, got map[string][]byte, polled func(id string) []byte) {
	t.Helper()
	onlyImported, onlyPolled := map[string]bool{}, map[string]bool{}
	for _, r := range a.Records() {
		imported := got[r.ExternalID]
		if imported == nil {
			t.Errorf("%s is not imported", r.ExternalID)
			continue
		}
		delete(got, r.ExternalID)
		untold, err := r.Untold(imported)
		if err != nil || len(untold) > 0 {
			t.Errorf("%s: %v %s", r.ExternalID, err, untold)
		}
		if r.LogID == "" {
			continue // the cloud does not know it
		}
		c, err := r.Compare(imported, polled(r.LogID))
		if err != nil || len(c.Differences) > 0 {
			t.Errorf("%s: %v %s", r.ExternalID, err, c.Differences)
		}
		if r.InPages {
			note(onlyImported, c.OnlyImported)
			note(onlyPolled, c.OnlyPolled)
		}
	}
	for id := range got {
		t.Errorf("%s is imported and not in the archive", id)
	}
	wantImported, wantPolled := onlyOne(era)
	for _, field := range []struct {
		what        string
		found, want []string
	}{
		{"imports", slices.Sorted(maps.Keys(onlyImported)), wantImported},
		{"polling", slices.Sorted(maps.Keys(onlyPolled)), wantPolled},
	} {
		for _, name := range field.found {
			if !slices.Contains(field.want, name) {
				t.Errorf("only %s have %s", field.what, name)
			}
		}
	}
}

func note(set map[string]bool, names []string) {
	for _, n := range names {
		set[n] = true
	}
}

// saved writes an archive and gives what a person would name.
func saved(t *testing.T, a *export.Archive, packing string) []string {
	t.Helper()
	dir := t.TempDir()
	if packing == "parts" {
		parts, err := a.WriteParts(dir, 3)
		if err != nil {
			t.Fatal(err)
		}
		return parts
	}
	if err := a.Save(filepath.Join(dir, packing)); err != nil {
		t.Fatal(err)
	}
	return []string{filepath.Join(dir, packing)}
}

// read imports what paths name and normalizes it, by external id.
func read(t *testing.T, paths ...string) (map[string][]byte, provider.ExportReport) {
	t.Helper()
	e, err := catalog.Importers()["fitbit-export"].Open(t.Context(), paths, provider.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	got := map[string][]byte{}
	err = e.Activities(t.Context(), func(a provider.ImportedActivity) error {
		if a.Problem != "" || got[a.ExternalID] != nil {
			t.Errorf("%s comes twice, or has a problem: %q", a.ExternalID, a.Problem)
		}
		got[a.ExternalID] = normalized(t, e.Provider(), a.Record)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got, e.Report()
}

func normalized(t *testing.T, name string, a provider.Record) []byte {
	t.Helper()
	w, err := catalog.Normalizers()[a.Format].Normalize(provider.Record{Provider: name, ExternalID: a.ExternalID, Format: a.Format, Raw: a.Raw, Context: a.Context})
	if err != nil {
		t.Fatalf("%s: %v", a.ExternalID, err)
	}
	w.ExternalID = a.ExternalID
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// polled is what the API's record becomes.
func polled(t *testing.T, raw []byte) []byte {
	t.Helper()
	var id struct {
		LogID json.Number `json:"logId"`
	}
	if err := json.Unmarshal(raw, &id); err != nil {
		t.Fatal(err)
	}
	return normalized(t, "fitbit", provider.Record{ExternalID: id.LogID.String(), Format: "fitbit.activity_list.v1", Raw: raw})
}

func TestHostileArchivesAreRefusedOrReported(t *testing.T) {
	good, err := export.New(roster(t)[0], export.Options{At: now})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range hostile.Archives(good) {
		t.Run(a.Name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "upload"+a.Suffix)
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(a.Write(f), f.Close()); err != nil {
				t.Fatal(err)
			}
			if a.Refusal != "" {
				refused(t, a.Refusal, path)
				return
			}
			got, report := read(t, path)
			if a.Whole && len(got) != len(good.Records()) || !a.Whole && len(got) != 0 {
				t.Errorf("%d records are imported of %d", len(got), len(good.Records()))
			}
			if !reports(report, a.Trouble) {
				t.Errorf("the report does not tell %s: %+v", a.Trouble, report)
			}
		})
	}
}

func refused(t *testing.T, code, path string) {
	t.Helper()
	e, err := catalog.Importers()["fitbit-export"].Open(t.Context(), []string{path}, provider.ImportOptions{})
	if err == nil {
		defer e.Close()
		err = e.Activities(t.Context(), func(provider.ImportedActivity) error {
			t.Error("a record is handed over")
			return nil
		})
	}
	var fault *provider.ArchiveError
	if !errors.As(err, &fault) || fault.Code != code {
		t.Errorf("refused with %v, want %s", err, code)
	} else if strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "; ") {
		t.Errorf("the words name the path, or nothing to do: %v", err)
	}
}

// reports says whether a report tells a trouble: a note, a reason for a skipped
// record, or a file's problem.
func reports(r provider.ExportReport, trouble string) bool {
	if slices.Contains(r.Notes, trouble) {
		return true
	}
	return slices.ContainsFunc(r.Files, func(f provider.ExportFile) bool {
		return f.Skipped[trouble] > 0 || trouble == "problem" && f.Problem != ""
	})
}
