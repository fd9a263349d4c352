package pages

import (
	"net/http"

	"github.com/stridelog/stridelog/events"
)

// Outcome is how a consent ended, in the words that a callback sends a person back with.
type Outcome struct {
	Provider string // as people call it; empty: not known
	Status   string // of the connection
	Error    string // why there is none; empty: there is one
}

// WriteOutcome answers with the page of an outcome.
func (p *Pages) WriteOutcome(w http.ResponseWriter, o Outcome) error {
	return p.write(w, http.StatusOK, o.page())
}

const (
	connectAgain = "Go back to your app and connect again."
	tryLater     = "Wait a few minutes, then go back to your app and connect again."
	askOperators = "Tell the people who run your app. Connecting again does not help until they have changed something."
)

func (o Outcome) page() page {
	account, begin := "your account", "Your account"
	if o.Provider != "" {
		account, begin = "your "+o.Provider+" account", "Your "+o.Provider+" account"
	}
	switch {
	case o.Error != "":
		shown := failure(o.Error, account)
		shown.Title, shown.Tone = begin+" is not connected", bad
		return shown
	case o.Status == string(events.StatusActive):
		return page{
			Title: begin + " is connected", Tone: good,
			Happened: []string{"Your workouts arrive in your app within a few minutes. Nothing else is needed."},
			Do:       "Close this page and go back to your app.",
		}
	default:
		return page{
			Title:    "Nothing to show here",
			Happened: []string{"This page tells how connecting an account ended, right after it was tried."},
			Do:       "Go back to your app. It shows which accounts are connected.",
		}
	}
}

// failure says why there is no connection. The codes are those of the oauth service; any
// other text may be anybody's, and is not shown.
func failure(code, account string) page {
	shown := page{Support: "the error is " + code + "."}
	say := func(do string, happened ...string) page {
		shown.Do, shown.Happened = do, happened
		return shown
	}
	switch code {
	case "access_denied":
		shown.Support = ""
		return say("If you did not mean to, go back to your app and connect again.", "You did not allow access. Nothing was read.")
	case events.ReasonScopeMissing:
		return say("Go back to your app and connect again. On the page where you allow access, leave everything ticked.",
			"Something that you were asked to allow was left out, and your workouts cannot be read without it.")
	case events.ReasonAccountNotLinked:
		return say("Sign in to the provider's own app with the same account once, finish setting it up, then go back to your app and connect again.",
			"There is no health data behind "+account+" yet.")
	case "exchange_failed", "server_error", "temporarily_unavailable":
		return say(tryLater, "You allowed access, but it could not be completed. Nothing was kept.")
	case "invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope":
		return say(askOperators, "The provider does not accept how your app asks for access.")
	case "provider_error":
		return say(connectAgain, "The provider ended the attempt with an error of its own.")
	default:
		shown.Support = ""
		return say(connectAgain, "Connecting ended with an error.")
	}
}
