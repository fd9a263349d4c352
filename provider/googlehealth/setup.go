package googlehealth

import "github.com/stridelog/stridelog/provider"

// hints are what whoever registers an app with Google must know (sections 0, 1, 2
// and 6). They are as of November 2026.
func hints() []provider.Hint {
	return []provider.Hint{
		{
			Says: "Google paused the admission of new Cloud projects in autumn 2026. A project that is not let in is refused with API_PRIVATE_PREVIEW_ACCESS_DENIED; a sync then fails with not_admitted.",
			Do:   "Until yours is let in, people can bring their history as an archive: `stridelog import fitbit-export PATH --user USER`, or POST /api/v1/users/{user_id}/imports.",
		},
		{
			Says: "While the consent screen's publishing status is Testing, refresh tokens die after 7 days and only listed test users can consent. The connection says consent_expiring a day before.",
			Do:   "In the Cloud console, under Audience, publish the app to Production, also without verification. Everybody must consent once more: a token keeps the end that it was given.",
		},
		{
			Says: "An unverified project may have 100 users, in Testing and Production together, and people see a warning that the app is unverified.",
			Do:   "For more, pass Google's verification and the yearly CASA assessment, then set GOOGLE_HEALTH_VERIFIED=true for the higher limits.",
		},
		{
			Says: "A person must have signed in to the Google Health app with the same Google account once; else the consent comes back with account_not_linked.",
			Do:   "Say so where you ask for the consent.",
		},
	}
}
