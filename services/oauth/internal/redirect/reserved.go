package redirect

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Reserved are the members that the outcome of a consent is told by.
func Reserved() []string { return []string{"provider", "status", "connection_id", "error", "reason"} }

// CheckQuery refuses a redirect URI that holds a member of the outcome already. Of two
// members of one name some readers take the first and some the last, so a person could
// be shown another outcome than theirs.
func CheckQuery(uri string) error {
	u, err := url.Parse(uri)
	if err != nil {
		return errors.New("it is not a URL")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("its query is not well-formed: percent-encode %, ; and & in values")
	}
	for name := range query {
		// Some readers take status[] and " Status" for status, too.
		base, _, _ := strings.Cut(name, "[")
		base = strings.ToLower(strings.TrimSpace(base))
		if slices.Contains(Reserved(), base) {
			return fmt.Errorf("its query holds %s, by which the outcome is told: name it otherwise", base)
		}
	}
	return nil
}
