package googlehealth

import "fmt"

// AccountState is how far somebody's account is.
type AccountState string

// The states. All but the first refuse every call of the API.
const (
	AccountLinked AccountState = "linked"
	// AccountNotLinked has never opened the Google Health app: 400.
	AccountNotLinked AccountState = "not linked"
	// AccountUnfinished has no profile yet: 412.
	AccountUnfinished AccountState = "unfinished"
	// AccountLegacy is still one of Fitbit's own: 403 without a reason.
	AccountLegacy AccountState = "legacy"
	// AccountDenied and AccountDataDenied are the sudden 403 of some accounts from
	// August 2026, while refreshing works. They end when the app is removed and
	// consented to again.
	AccountDenied     AccountState = "denied"
	AccountDataDenied AccountState = "data denied"
)

// ProjectState is how Google treats the app's project.
type ProjectState string

// The states. All but the first refuse every call of the API.
const (
	ProjectAdmitted ProjectState = ""
	// ProjectNotAdmitted is kept out of the preview, as new ones are.
	ProjectNotAdmitted ProjectState = "not admitted"
	// ProjectDisabled has not enabled the API.
	ProjectDisabled ProjectState = "disabled"
)

// SetAccountState changes how far an account is.
func (c *Cloud) SetAccountState(accountID string, s AccountState) error {
	if _, known := accountProblems()[s]; !known && s != AccountLinked {
		return fmt.Errorf("set the state of an account: there is no state %q; use one of the Account words", s)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.accounts[accountID]
	if a == nil {
		return fmt.Errorf("set the state of an account: there is no account %s", accountID)
	}
	a.state = s
	return nil
}

// SetProjectState changes how the project is treated.
func (c *Cloud) SetProjectState(s ProjectState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.project = s
}

// accountProblems is what an account's state answers.
func accountProblems() map[AccountState]problem {
	return map[AccountState]problem{
		AccountNotLinked: {
			HTTP: 400, Status: "FAILED_PRECONDITION", Reason: "ACCOUNT_NOT_LINKED", Message: "The account is not linked to Google Health.",
			Metadata: map[string]string{"redirect_uri": "https://fitbit.google.com/auth/signup"},
		},
		AccountUnfinished: {HTTP: 412, Status: "FAILED_PRECONDITION", Message: "Precondition check failed."},
		AccountLegacy:     {HTTP: 403, Status: "PERMISSION_DENIED", Message: "The caller does not have permission"},
		AccountDenied:     forbidden("RESOURCE_PERMISSION_DENIED", "Permission denied on the resource."),
		AccountDataDenied: forbidden("DATA_ACCESS_DENIED", "Access to the data is denied."),
	}
}

// projectProblems is what a project's state answers.
func projectProblems() map[ProjectState]problem {
	return map[ProjectState]problem{
		ProjectNotAdmitted: forbidden("API_PRIVATE_PREVIEW_ACCESS_DENIED", "The project has no access to the private preview of the API."),
		ProjectDisabled: {
			HTTP: 403, Status: "PERMISSION_DENIED", Reason: "SERVICE_DISABLED", Domain: "googleapis.com",
			Message:  "Google Health API has not been used in the project before or it is disabled.",
			Metadata: map[string]string{"service": "health.googleapis.com"},
		},
	}
}
