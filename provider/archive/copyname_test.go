package archive

import (
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestNamesOfCopies(t *testing.T) {
	for _, stem := range []string{
		"exercise-0", "Exercise-0",
		"exercise-0(1)", "exercise-0 (1)", "exercise-0-(1)", "exercise-0 (1) (1)", // browsers, Takeout
		"exercise-0 2", "exercise-0 12", "exercise-0 copy", "exercise-0 copy 2", "exercise-0 Kopie 3", "exercise-0 copie", "exercise-0 kopia",
		"exercise-0のコピー", "exercise-0のコピー2", "exercise-0 副本", "exercise-0副本 2", "exercise-0 拷貝", "exercise-0 복사본", "exercise-0 копия", // Finder
		"exercise-0 - Copy", "exercise-0 - Copy (2)", "exercise-0 - Copy - Copy", "exercise-0 - Kopie", "exercise-0 - Kopie (3)", "exercise-0 - copia",
		"exercise-0 - Copia", "exercise-0 - Cópia", "exercise-0 - Copie", "exercise-0 - kopia", "exercise-0 - Kopia", "exercise-0 - Kopi",
		"exercise-0 - Kopio", "exercise-0 - Kopya", "exercise-0 - Másolat", "exercise-0 — копия", "exercise-0 — копія (2)", "exercise-0 - コピー",
		"exercise-0 - 副本", "exercise-0 - 複製", "exercise-0 - 복사본", "exercise-0 - Αντιγραφή", "exercise-0 - kópia", "exercise-0 - עותק", "exercise-0 - نسخة", "exercise-0 - สำเนา", "exercise-0 - M\xa0solat", // Explorer; in an old code page
		"exercise-0 (copy)", "exercise-0 (another copy)", "exercise-0 (3rd copy)", "exercise-0 (Kopie)", "exercise-0 (copie 2)", // Linux
		"Copy of exercise-0", "Copy (2) of exercise-0", "Kopie von exercise-0", "Copie de exercise-0", "Cópia de exercise-0", "Copia di exercise-0",
		"exercise-0 - Copy 2", "exercise-0 2 - Kopie (2)", "exercise-0 - Copy(1)",
	} {
		for _, name := range []string{stem, norm.NFD.String(stem)} { // macOS writes accents as letters of their own
			if got := OriginalName(name); got != "exercise-0" {
				t.Errorf("%q is %q", name, got)
			}
		}
	}
	for stem, want := range map[string]string{
		"UserExercises_2025-09-01 2": "userexercises_2025-09-01", "Profile - Kopie": "profile", "64112345678 2": "64112345678",
		"photocopy": "photocopy", "kopie": "kopie", "(1)": "(1)", "2": "2", "": "", "exercise-0 notes": "exercise-0 notes",
		"exercise-12345": "exercise-12345", "exercise-0 2026": "exercise-0 2026", "copyright": "copyright", "steps_2026-10-01": "steps_2026-10-01",
		"Daily Heart Rate Variability Summary - 2022-11-(1)": "daily heart rate variability summary - 2022-11",
	} {
		if got := OriginalName(stem); got != want {
			t.Errorf("%q is %q, want %q", stem, got, want)
		}
	}
}

// Marks in any number and order come off, and what is left has none.
func TestMarksComeOffInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		marks := []string{" 2", "(1)", " (3)"}
		for _, word := range copyWords() {
			marks = append(marks, " - "+word, " "+word, " ("+word+")", " — "+word+" (2)")
		}
		var name strings.Builder
		name.WriteString(rapid.SampledFrom([]string{"exercise-100", "profile", "gps_location_2026-06-12"}).Draw(t, "name"))
		want := name.String()
		for _, mark := range rapid.SliceOfN(rapid.SampledFrom(marks), 0, 4).Draw(t, "marks") {
			name.WriteString(mark)
		}
		if got := OriginalName(name.String()); got != want {
			t.Fatalf("%q is %q", name.String(), got)
		}
	})
}

func FuzzOriginalName(f *testing.F) {
	for _, seed := range []string{"exercise-0 - Copy (2)", "のコピー", " - \xff", "copy of copy", "((1)", " 2 2 2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, stem string) {
		got := OriginalName(stem)
		if again := OriginalName(got); again != got || got == "" && stem != "" {
			t.Fatalf("%q is %q, and that is %q", stem, got, again)
		}
	})
}
