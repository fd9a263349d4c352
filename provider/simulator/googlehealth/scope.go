package googlehealth

import (
	"slices"
	"strings"

	"github.com/stridelog/stridelog/provider/simulator/consentpage"
)

// ScopePrefix is what every scope of the API begins with.
const ScopePrefix = "https://www.googleapis.com/auth/googlehealth."

const (
	anyScope       = "" // any one of the API's
	scopeActivity  = ScopePrefix + "activity_and_fitness.readonly"
	scopeHealth    = ScopePrefix + "health_metrics_and_measurements.readonly"
	scopeLocation  = ScopePrefix + "location.readonly"
	scopeProfile   = ScopePrefix + "profile.readonly"
	scopeSettings  = ScopePrefix + "settings.readonly"
	cloudPlatform  = "https://www.googleapis.com/auth/cloud-platform"
	activityWrites = ScopePrefix + "activity_and_fitness.writeonly"
)

// allScopes are those of the discovery document and the documentation, and the ones
// of Google's own that an app may ask for beside them, with what each opens.
func allScopes() consentpage.Scopes {
	list := consentpage.Scopes{
		{Value: "openid", Label: "Know who you are at Google", Word: "openid"},
		{Value: "email", Label: "See your email address", Word: "email"},
		{Value: "profile", Label: "See your name and picture", Word: "profile"},
		{Value: cloudPlatform, Label: "See, edit and delete your Google Cloud data", Word: "cloud-platform"},
	}
	add := func(verb, word, about, kind string) {
		short := word + "." + kind
		list = append(list, consentpage.Scope{Value: ScopePrefix + short, Label: verb + " your " + about, Word: short})
	}
	for _, s := range []struct{ word, about string }{
		{"activity_and_fitness", "activity and fitness, such as workouts"},
		{"health_metrics_and_measurements", "health metrics and measurements, such as heart rate"},
		{"sleep", "sleep"},
		{"profile", "Google Health profile"},
		{"settings", "Google Health settings and devices"},
		{"nutrition", "food and water"},
		{"logged_symptoms", "symptoms"},
		{"mindfulness", "mindfulness sessions"},
		{"reproductive_health", "reproductive health"},
	} {
		add("See", s.word, s.about, "readonly")
		add("Add to", s.word, s.about, "writeonly")
	}
	add("See", "location", "location, such as routes of workouts", "readonly")
	add("See", "ecg", "electrocardiograms (ECG)", "readonly")
	add("See", "irn", "notifications of an irregular heart rhythm", "readonly")
	return list
}

func knownScopes() []string { return allScopes().Values() }

func isHealthScope(scope string) bool { return strings.HasPrefix(scope, ScopePrefix) }

// covers says whether scopes open what needs one of them.
func covers(scopes []string, needed string) bool {
	if needed == anyScope {
		return slices.ContainsFunc(scopes, isHealthScope)
	}
	return slices.Contains(scopes, needed)
}

// scopeProblem is the refusal of a token without a scope: the front end's when
// it has none of the API's, else the API's own.
func scopeProblem(scopes []string) problem {
	if !slices.ContainsFunc(scopes, isHealthScope) {
		return problem{
			HTTP: 403, Status: "PERMISSION_DENIED", Reason: "ACCESS_TOKEN_SCOPE_INSUFFICIENT", Domain: "googleapis.com",
			Message:  "Request had insufficient authentication scopes.",
			Metadata: map[string]string{"service": "health.googleapis.com"},
		}
	}
	return forbidden("MISSING_OAUTH_SCOPE", "The access token lacks a scope that the request needs.")
}
