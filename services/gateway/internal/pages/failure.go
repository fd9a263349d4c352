package pages

import (
	"net/http"

	"github.com/stridelog/stridelog/events/rpc"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

// WriteProblem answers with the page of a problem. A reference names the request to
// those who can look into the logs.
func (p *Pages) WriteProblem(w http.ResponseWriter, wrong *problem.Problem, reference string) error {
	shown := words(wrong)
	shown.Tone, shown.Support = bad, "the request is "+reference+", the error "+wrong.Code+"."
	wrong.SetHeaders(w.Header())
	return p.write(w, wrong.Status, shown)
}

func words(wrong *problem.Problem) page {
	switch wrong.Code {
	case rpc.CodeInvalidState:
		return page{
			Title: "This link cannot be used any more",
			Happened: []string{"A link to connect an account works once and for some minutes only. This one was used before, or it is too old.",
				"If your app shows the account as connected, all is well."},
			Do: "Otherwise go back to your app and connect again.",
		}
	case problem.CodeInvalidRequest:
		return page{
			Title:    "This address is not complete",
			Happened: []string{"You were sent here without something that is needed to connect your account. Nothing was changed."},
			Do:       connectAgain,
		}
	case problem.CodeUnknownProvider, rpc.CodeProviderDisabled:
		return page{
			Title:    "This provider cannot be connected",
			Happened: []string{"It is not set up here. Nothing was changed."},
			Do:       askOperators,
		}
	case problem.CodeUnavailable, problem.CodeTooMany:
		return page{
			Title:    "This does not work right now",
			Happened: []string{"A part of the system that is needed to connect your account does not answer."},
			Do:       "Wait a minute and load this page again. If that does not help, go back to your app and connect again.",
		}
	default:
		return page{
			Title:    "Something went wrong",
			Happened: []string{"Your account could not be connected because of a fault that is not yours."},
			Do:       connectAgain + " If it happens again, tell the people who run your app.",
		}
	}
}
