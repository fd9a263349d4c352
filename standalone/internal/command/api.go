package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/stridelog/stridelog/platform/env"
	"github.com/stridelog/stridelog/standalone/internal/client"
	"github.com/stridelog/stridelog/standalone/internal/config"
	"github.com/stridelog/stridelog/standalone/internal/store"
)

// apiPatience is how long the API may take for an answer.
const apiPatience = 30 * time.Second

// dash stands in a table where there is no value.
const dash = "-"

// apiClient calls the system that URL names with the API key KEY or, with neither, the
// demo that runs on this machine. What a command changes there the gateway checks and
// records as for every client with that key.
func apiClient(ctx context.Context, p Process, c config.Config) (*client.Client, error) {
	r := env.New(p.Env)
	base, key := r.URL("URL", ""), r.Secret("KEY")
	if base == "" && key == "" && r.Err() == nil {
		if demo, err := store.FindSession(ctx, c); err == nil {
			base, key = demo.URL, demo.Key
		}
	}
	if base == "" {
		r.Fault("URL", "is required: the address of the API without a path, as http://localhost:8000 (no demo is running here)")
	}
	if key == "" {
		r.Fault("KEY", "is required: an API key of the system at URL")
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return &client.Client{BaseURL: base, Key: key, HTTP: &http.Client{Timeout: apiPatience}}, nil
}

// apiError says what to do about a request that failed. An answer that the call itself
// is wrong is a wrong call.
func apiError(err error) error {
	var answer *client.Problem
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &answer):
		return fmt.Errorf("%w; check that the gateway runs and that URL is its address", err)
	}
	text := strings.TrimSuffix(answer.Error(), ".")
	if !strings.Contains(text, strings.TrimSuffix(answer.NextAction, ".")) {
		text += " (next action: " + answer.NextAction + ")"
	}
	switch answer.Status {
	case http.StatusBadRequest, http.StatusNotFound:
		return fmt.Errorf("%w: %s", errUsage, text)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%s; check KEY", text)
	}
	return errors.New(text)
}

// named is a user as the API takes one: our id, or external: and the client's own id,
// which may be given alone.
func named(word string) string {
	known := len(word) == len(uuid.Nil.String()) && uuid.Validate(word) == nil
	if !known && !strings.HasPrefix(word, "external:") {
		return "external:" + word
	}
	return word
}

// person is a user in a path of the API.
func person(word string) string { return url.PathEscape(named(word)) }

// apiCall reads the words and flags behind the name of a command of the API.
func apiCall(flags *flag.FlagSet, args []string, words int, usage string) ([]string, error) {
	list, err := parseWords(flags, args)
	if err == nil && len(list) != words {
		err = fmt.Errorf("%w: %s", errUsage, usage)
	}
	return list, err
}

// jsonFlag declares --json: the API's own objects, one a line.
func jsonFlag(flags *flag.FlagSet) *bool {
	return flags.Bool("json", false, "print the objects of the API, one a line")
}

// writeLine prints an object of the API as one line.
func writeLine(w io.Writer, object json.RawMessage) error {
	var line bytes.Buffer
	if err := json.Compact(&line, object); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	line.WriteByte('\n')
	_, err := w.Write(line.Bytes())
	return err
}

// shown is a text of a client for a line of a terminal: what would move the cursor is
// quoted.
func shown(text *string) string {
	switch {
	case text == nil || *text == "":
		return dash
	case strings.ContainsFunc(*text, func(r rune) bool { return !unicode.IsPrint(r) }):
		return strconv.Quote(*text)
	}
	return *text
}

// timeText is a time of an answer for a table, in UTC.
func timeText(at *time.Time) string {
	if at == nil {
		return dash
	}
	return at.UTC().Format(time.RFC3339)
}
