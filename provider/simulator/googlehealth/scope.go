package googlehealth

import (
	"slices"
	"strings"
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

// knownScopes are those of the discovery document and the documentation, and the
// ones of Google's own that an app may ask for beside them.
func knownScopes() []string {
	known := []string{"openid", "email", "profile", cloudPlatform}
	for _, word := range []string{"activity_and_fitness", "health_metrics_and_measurements", "sleep", "profile", "settings", "nutrition", "logged_symptoms", "mindfulness", "reproductive_health"} {
		known = append(known, ScopePrefix+word+".readonly", ScopePrefix+word+".writeonly")
	}
	for _, word := range []string{"location", "ecg", "irn"} {
		known = append(known, ScopePrefix+word+".readonly")
	}
	return known
}

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
