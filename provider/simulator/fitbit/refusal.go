package fitbit

import (
	"encoding/json"
	"net/http"
)

const jsonType = "application/json;charset=UTF-8"

// moreInformation ends the cloud's messages about tokens.
const moreInformation = " Visit https://dev.fitbit.com/docs/oauth2 for more information on the Fitbit Web API authorization process."

// refuse answers in Fitbit's own error shape, which the token endpoint has too
// (it is not that of RFC 6749). An empty field leaves fieldName out.
func refuse(w http.ResponseWriter, status int, errorType, field, message string) {
	type fault struct {
		ErrorType string `json:"errorType"`
		FieldName string `json:"fieldName,omitempty"`
		Message   string `json:"message"`
	}
	reply(w, status, struct {
		Errors  []fault `json:"errors"`
		Success bool    `json:"success"`
	}{Errors: []fault{{errorType, field, message}}})
}

func reply(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"errors":[{"errorType":"system","message":"cannot encode the answer"}],"success":false}`)
	}
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// broken answers a failure of the fake itself, such as a state file that cannot
// be written.
func broken(w http.ResponseWriter, err error) {
	refuse(w, http.StatusInternalServerError, "system", "n/a", "The fake cloud failed: "+err.Error())
}
