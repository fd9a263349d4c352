package peer

// Group is operations of Open Wearables that are not there.
type Group struct {
	Name string
	// Paths are their operations below /api/v1; "GET /" is that of the server.
	Paths []string
	// Instead says what to do without them.
	Instead string
}

// Groups are the operations that are not there.
func Groups() []Group {
	return append(data(), append(machinery(), dashboard()...)...)
}

// data are those that read or bring in data.
func data() []Group {
	return []Group{
		{"sleep", []string{"GET /users/{user}/events/sleep", "DELETE /users/{user}/events/sleep/{id}", "GET /users/{user}/summaries/sleep"}, "Not yet: Stridelog has workouts only."},
		{"days, body, recovery and scores", []string{
			"GET /users/{user}/summaries/activity", "GET /users/{user}/summaries/recovery", "GET /users/{user}/summaries/body", "GET /users/{user}/health-scores",
		}, "Not yet."},
		{"samples", []string{"GET /users/{user}/timeseries"}, "Not yet."},
		{"counts of what is stored", []string{"GET /users/{user}/summaries/data", "GET /users/{user}/summaries/data/timeline", "GET /users/{user}/events/workouts/types"},
			"`total_count` of a list of workouts, with its filters."},
		{"menstrual cycles", []string{"GET /users/{user}/events/menstrual-cycles", "DELETE /users/{user}/events/menstrual-cycles/{id}"}, "Nothing."},
		{"sources and coverage", []string{"GET /users/{user}/data-sources", "GET /meta/coverage"}, "`coverage` of a connection says what was read completely; each workout says its source."},
		{"deleting data", []string{"DELETE /users/{user}/events/workouts/{id}", "DELETE /users/{user}/connections/google/data"},
			"Nothing for a part: what the provider removes is removed, and a person is erased as a whole."},
		{"workouts as a provider has them", []string{"GET /providers/google/users/{user}/workouts", "GET /providers/google/users/{user}/workouts/{id}"},
			"`GET /workouts/{id}/raw` has every record byte for byte, and asks no provider for it."},
		{"files of Apple Health", []string{
			"POST /users/{user}/import/apple/xml/s3", "POST /users/{user}/import/apple/xml/s3/multipart/create", "POST /users/{user}/import/apple/xml/s3/multipart/sign",
			"POST /users/{user}/import/apple/xml/s3/multipart/complete", "POST /users/{user}/import/apple/xml/s3/multipart/abort", "POST /users/{user}/import/apple/xml/direct", "POST /sns/notification",
		}, "Not yet. Fitbit archives: [import.md](import.md)."},
		{"phones and their libraries", []string{
			"POST /sdk/users/{user}/sync", "POST /sdk/users/{user}/logs", "POST /users/{user}/token", "POST /users/{user}/invitation-code", "POST /invitation-code/redeem", "POST /token/refresh", "POST /token/revoke",
		}, "Not yet. A token of one person, for a page or a phone that reads: `POST /users/{user}/tokens`."},
	}
}

// machinery are those about syncs, consents and webhooks.
func machinery() []Group {
	return []Group{
		{"state of syncs", []string{
			"GET /users/{user}/sync/stream", "GET /users/{user}/sync/recent", "GET /users/{user}/sync/runs", "GET /sync/runs", "GET /users/{user}/sync/history", "GET /sync/history/{id}",
			"GET /providers/garmin/users/{user}/backfill/status",
		}, "`GET /users/{user}/syncs` and `GET /users/{user}/syncs/{sync_id}`."},
		{"the end of a consent", []string{"GET /oauth/success", "GET /oauth/error", "HEAD /oauth/google/callback"}, "`/connected`, a page for the person."},
		{"webhooks to clients", []string{
			"GET /webhooks/endpoints", "POST /webhooks/endpoints", "GET /webhooks/endpoints/{id}", "PATCH /webhooks/endpoints/{id}", "DELETE /webhooks/endpoints/{id}", "GET /webhooks/endpoints/{id}/secret",
			"GET /webhooks/endpoints/{id}/attempts", "POST /webhooks/endpoints/{id}/test", "GET /webhooks/event-types", "GET /webhooks/messages",
		}, "Events over NATS, with positions to replay from, and with edits and removals: [events.md](events.md)."},
		{"webhooks from providers", []string{
			"POST /providers/google/webhooks", "GET /providers/google/webhooks", "HEAD /providers/google/webhooks", "GET /providers/google/webhooks/subscriptions", "POST /providers/google/webhooks/subscriptions",
			"POST /providers/google/webhooks/subscriptions/renew", "GET /providers/google/webhooks/subscriptions/{id}", "DELETE /providers/google/webhooks/subscriptions/{id}", "PUT /providers/google/webhooks/subscriptions/{id}",
			"POST /garmin/webhooks/ping", "POST /garmin/webhooks/push", "GET /strava/webhook", "POST /strava/webhook", "GET /strava/webhook/health", "GET /strava/webhooks", "POST /strava/webhooks",
			"GET /strava/webhooks/health", "GET /oura/webhooks", "POST /oura/webhooks", "GET /oura/webhooks/health", "GET /oura/webhooks/subscriptions", "POST /oura/webhooks/subscriptions", "POST /oura/webhooks/subscriptions/renew",
		}, "Google's notifications come to `POST /providers/{provider}/notifications`: [google-health.md](google-health.md)."},
		{"switching providers", []string{"PUT /oauth/providers", "PUT /oauth/providers/google"}, "A provider is enabled by its credentials in the environment."},
		{"order of sources", []string{
			"GET /priorities/providers", "PUT /priorities/providers", "PUT /priorities/providers/google", "GET /priorities/device-types", "PUT /priorities/device-types", "PUT /priorities/device-types/watch",
		}, "The record that says more is shown, and the others are kept beside it: `include=duplicates`."},
	}
}

// dashboard are those of the dashboard of Open Wearables.
func dashboard() []Group {
	return []Group{
		{"login and developers", []string{
			"POST /auth/login", "POST /auth/logout", "POST /auth/change-password", "GET /auth/me", "PATCH /auth/me", "GET /developers", "GET /developers/{id}", "PATCH /developers/{id}", "DELETE /developers/{id}",
			"GET /invitations", "POST /invitations", "DELETE /invitations/{id}", "POST /invitations/{id}/resend", "POST /invitations/accept",
		}, "There is no dashboard and no login: an administrator has an API key with the scope `admin`."},
		{"API keys and applications", []string{
			"GET /developer/api-keys", "POST /developer/api-keys", "DELETE /developer/api-keys/{id}", "PATCH /developer/api-keys/{id}", "POST /developer/api-keys/{id}/rotate",
			"GET /applications", "POST /applications", "DELETE /applications/{id}", "POST /applications/{id}/rotate-secret",
		}, "`GET /keys`, `POST /keys`, `DELETE /keys/{key_id}`, `POST /keys/{key_id}/rotate`, and `stridelog api-keys`, with scopes: [operations.md](operations.md#api-keys)."},
		{"settings, statistics and sample data", []string{
			"GET /", "GET /dashboard/stats", "GET /config", "GET /settings/archival", "PUT /settings/archival", "POST /settings/archival/run", "POST /settings/seed", "GET /settings/seed/presets", "GET /settings/seed/sleep-profiles",
		}, "`/metrics`, settings in the environment, and a simulated cloud with people: [operations.md](operations.md)."},
	}
}
