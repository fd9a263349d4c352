package peer

import (
	"fmt"
	"strings"

	"github.com/stridelog/stridelog/provider/vocabulary"
)

const begin = `<!-- Written by make generate from standalone/internal/peer: change it there. -->
# From Open Wearables

[Open Wearables](https://github.com/the-momentum/open-wearables) has %d operations in its version 0.9.0. For %d of them there
is a route here, under the same path and with the same envelope: %d answer the same to every request below, %d differ in
something, and %d are not there. This page says for each request what becomes of it: a test sends every one to a running
Stridelog and compares the answer with what is said here. What Open Wearables does was read in its code of version 0.6.3
and in its OpenAPI document of 0.9.0.

## How to move

1. Change the base URL. The key goes into the header ` + "`" + Key + "`" + `, as before.
2. Connect the people again: consents and tokens cannot be moved. Fitbit archives can be [imported](import.md).
3. Read ` + "`open_wearables_type`" + ` where you read ` + "`type`" + `, and compare ` + "`source.provider`" + ` with ` + "`google_health`" + ` in place of ` + "`google`" + `.
4. Expect 202 and an id from a sync, and 404 for people who are not known.
5. Send the next day as ` + "`end_date`" + ` where you send the last day that you want.
6. Look for the header ` + "`Stridelog-Ignored`" + `: it names the parameters of a request that did nothing.

Of the tools of its MCP server ` + "`get_users` and `get_workout_events`" + ` work unmodified: the test sends their requests and reads
their members. The type that they show is ours (` + "`biking`" + `), and a plain ` + "`end_date`" + ` leaves its day out. The tools for sleep,
days, samples and cycles get a 404, which they show as an error.

## Requests

Of these %d requests %d are answered the same. Same: the status and every member that clients read are as there, also their types.

| request | there | here | |
|---|---|---|---|
`

// Page is docs/from-open-wearables.md.
func Page() string {
	var b strings.Builder
	sum := Count()
	requests, same := Requests(), 0
	for _, r := range requests {
		if r.Outcome == Same {
			same++
		}
	}
	fmt.Fprintf(&b, begin, Operations, sum.Same+sum.Differs, sum.Same, sum.Differs, sum.Absent, len(requests), same)
	for _, r := range requests {
		says := "**" + string(r.Outcome) + "**"
		if r.Says != "" {
			says += ". " + r.Says
		}
		request := r.Method + " " + r.Path
		if r.Body != "" {
			request += " " + r.Body
		}
		fmt.Fprintf(&b, "| `%s` | %d | %d | %s |\n", request, r.There, r.Here, says)
	}
	b.WriteString("\n## What is not there\n\nThese answer 404 or 405, with words in `detail`; `GET /` leads to `/docs`.\n\n| what | operations | instead |\n|---|---|---|\n")
	for _, g := range Groups() {
		paths := make([]string, len(g.Paths))
		for i, p := range g.Paths {
			paths[i] = "`" + p + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", g.Name, strings.Join(paths, ", "), g.Instead)
	}
	words(&b)
	b.WriteString("\n## Its known faults, and the tests that show ours are none\n\n| there | here | tests |\n|---|---|---|\n")
	for _, f := range Faults() {
		fmt.Fprintf(&b, "| %s | %s | `%s` |\n", f.There, f.Here, strings.Join(f.Tests, "`, `"))
	}
	return b.String()
}

// words are the types of both.
func words(b *strings.Builder) {
	b.WriteString("\n## Words for types\n\nWhat `open_wearables_type` says, for which types. As `record_type` a word finds all of them; the rules are in\n" +
		"[decision 0036](decisions/0036-words-and-times-of-open-wearables.md).\n\n| word | types |\n|---|---|\n")
	var alone []string
	for _, word := range vocabulary.OpenWearablesWords() {
		types, _ := vocabulary.FromOpenWearables(word)
		switch {
		case len(types) == 0:
			alone = append(alone, "`"+word+"`")
		case len(types) > 1 || types[0] != word:
			fmt.Fprintf(b, "| `%s` | `%s` |\n", word, strings.Join(types, "`, `"))
		}
	}
	var without []string
	said := vocabulary.OpenWearables()
	for _, name := range vocabulary.Types() {
		if _, ok := said[name]; !ok {
			without = append(without, "`"+name+"`")
		}
	}
	fmt.Fprintf(b, "\nAll other words are the same on both sides. `alpine_skiing` is only asked for, never said. No type here has the words %s.\nThere is no word for %s: `open_wearables_type` is null.\n",
		strings.Join(alone, ", "), strings.Join(without, ", "))
}
