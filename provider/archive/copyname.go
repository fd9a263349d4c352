package archive

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// OriginalName is a file's name without its extension, in lower case and in
// Unicode's composed form, and without the marks that programs add when the name
// exists already: browsers and Takeout ("a(1)", "a (1)"), the Finder ("a 2", "a copy"),
// Explorer ("a - Copy", "a - Copy (2)") and the desktops of Linux ("a (copy)"), each
// in the languages that they are used in.
func OriginalName(stem string) string {
	stem = norm.NFC.String(strings.ToLower(stem))
	for {
		shorter := withoutMark(stem)
		if shorter == stem || shorter == "" {
			return stem
		}
		stem = shorter
	}
}

var (
	copyNumber = regexp.MustCompile(`(?:[ _-]*\([0-9]{1,4}\)| [0-9]{1,3})$`)
	copyPrefix = regexp.MustCompile(`^(?:copy(?: \([0-9]{1,4}\))? of|kopie(?: von| van)?|copie de|c[oó]pia (?:de|di)|kop(?:ia|i|ija|io)(?: av| af)?|копия|копія) `)
	wordNumber = regexp.MustCompile(` ?[0-9]{1,3}$`) // behind a word
	gnomeCopy  = regexp.MustCompile(` ?\((?:another copy|[0-9]+(?:st|nd|rd|th) copy)\)$`)
)

// withoutMark takes one mark off; the name comes back as it is when it has none.
func withoutMark(stem string) string {
	for _, mark := range []*regexp.Regexp{copyNumber, gnomeCopy, copyPrefix} {
		if !strings.ContainsAny(stem, " )") { // nor has any of the marks, and most names are so
			break
		}
		if shorter := mark.ReplaceAllLiteralString(stem, ""); shorter != stem {
			return shorter
		}
	}
	// In a code page of old only a translated word is no text.
	if at := strings.LastIndex(stem, " - "); at > 0 && strings.ContainsRune(stem[at:], utf8.RuneError) {
		return stem[:at]
	}
	open := strings.TrimSuffix(stem, ")")
	open = wordNumber.ReplaceAllLiteralString(open, "")
	for _, word := range copyWords() {
		name, found := strings.CutSuffix(open, word)
		if !found {
			continue
		}
		separators := " -–—_"
		if strings.HasSuffix(stem, ")") {
			separators += "("
		}
		if shorter := strings.TrimRight(name, separators); shorter != name || spaceless(word) {
			return shorter
		}
	}
	return stem
}

// spaceless says whether a word stands in a script that puts no space between words.
func spaceless(word string) bool {
	first, _ := utf8.DecodeRuneInString(word)
	return first >= '\u3000'
}

// copyWords are what systems call a copy, in lower case. Where one word ends with
// another the longer one stands first.
func copyWords() []string {
	return []string{
		"copy", "kopie", "copie", "copia", "cópia", "còpia", // English; German, Dutch, Czech; French, Romanian; Spanish, Italian; Portuguese; Catalan
		"kopia", "kopi", "kopio", "koopia", "kópia", "afrit", // Swedish, Polish; Danish, Norwegian; Finnish; Estonian; Slovak; Icelandic
		"kopija", "kopya", "kopyası", "másolat", "másolata", // Croatian, Slovenian, Lithuanian, Latvian; Turkish; Hungarian
		"копия", "копія", "копие", "копија", "αντίγραφο", "αντιγραφή", // Russian; Ukrainian; Bulgarian; Serbian; Greek
		"のコピー", "コピー", "的副本", "副本", "複製", "拷貝", "複本", "复件", "복사본", // Japanese; Chinese; Korean
		"نسخة", "עותק", "کپی", "สำเนา", "คัดลอก", "bản sao", "sao chép", "salinan", "प्रतिलिपि", "कॉपी", // Arabic; Hebrew; Persian; Thai; Vietnamese; Indonesian; Hindi
	}
}
