package googlehealth

import (
	"context"
	"encoding/json"
	"regexp"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/provider/internal/httpcall"
)

// identity is whose token it is (section 2).
type identity struct {
	account string // the healthUserId, which notifications name, too
	legacy  string // the user id that the person had at Fitbit; may be empty
}

// linked are the person's accounts elsewhere, by provider.
func (i identity) linked() map[string]string {
	if i.legacy == "" {
		return nil
	}
	return map[string]string{"fitbit": i.legacy}
}

// accountForm is how both ids look (section 2).
var accountForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,63}$`)

// identity asks whose token it is. Any Health scope will do.
func (a *api) identity(ctx context.Context, token provider.Secret) (identity, error) {
	body, err := a.get(ctx, call{op: opIdentity, path: "users/me/identity", token: token, max: httpcall.MaxAnswer})
	if err != nil {
		return identity{}, err
	}
	var said struct {
		HealthUserID string `json:"healthUserId"`
		LegacyUserID string `json:"legacyUserId"`
	}
	if json.Unmarshal(body, &said) != nil || !accountForm.MatchString(said.HealthUserID) {
		return identity{}, invalid(opIdentity, httpcall.ReasonIncomplete)
	}
	if !accountForm.MatchString(said.LegacyUserID) {
		said.LegacyUserID = ""
	}
	return identity{said.HealthUserID, said.LegacyUserID}, nil
}
