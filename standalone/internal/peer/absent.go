package peer

// Group is operations of Open Wearables that are not there.
type Group struct {
	Name string
	// Paths are their operations below /api/v1, as far as the project's own reference
	// names them. A group without any has operations whose addresses are not known here.
	Paths []string
	// Instead says what to do without them.
	Instead string
}

// Groups are the operations that are not there. Together with the shared ones they are
// not all by name: what a dashboard or a phone's library calls has no place here.
func Groups() []Group {
	return []Group{
		{"sleep", []string{"GET /users/{user}/events/sleep", "DELETE /users/{user}/events/sleep/{id}", "GET /users/{user}/summaries/sleep"}, "Not yet: Stridelog has workouts only."},
		{"days, body and recovery", []string{
			"GET /users/{user}/summaries/activity", "GET /users/{user}/summaries/recovery", "GET /users/{user}/summaries/body", "GET /users/{user}/summaries/data", "GET /users/{user}/health-scores",
		}, "Not yet."},
		{"samples", []string{"GET /users/{user}/timeseries"}, "Not yet."},
		{"menstrual cycles", []string{"GET /users/{user}/events/menstrual-cycles", "DELETE /users/{user}/events/menstrual-cycles/{id}"}, "Nothing."},
		{"sources and coverage", []string{"GET /users/{user}/data-sources", "GET /meta/coverage"}, "`coverage` of a connection says what was read completely; each workout says its source."},
		{"deleting a workout", []string{"DELETE /users/{user}/events/workouts/{id}"}, "Nothing: what the provider removes is removed, and a person is erased as a whole."},
		{"workouts as a provider has them", []string{"GET /providers/google/users/{user}/workouts", "GET /providers/google/users/{user}/workouts/{id}"},
			"`GET /workouts/{id}/raw` has every record byte for byte, and asks no provider for it."},
		{"webhooks to clients", []string{
			"GET /webhooks/event-types", "GET /webhooks/endpoints", "POST /webhooks/endpoints", "PATCH /webhooks/endpoints/{id}", "DELETE /webhooks/endpoints/{id}", "GET /webhooks/endpoints/{id}/secret",
		}, "Events over NATS, with positions to replay from, and with edits and removals: [events.md](events.md)."},
		{"state of syncs", []string{"GET /users/{user}/sync/stream", "GET /users/{user}/sync/recent", "GET /users/{user}/sync/runs", "GET /sync/runs"}, "`GET /users/{user}/syncs` and `GET /users/{user}/syncs/{sync_id}`."},
		{"the end of a consent", []string{"GET /oauth/success", "GET /oauth/error"}, "`/connected`, a page for the person."},
		{"switching providers", []string{"PUT /oauth/providers", "PUT /oauth/providers/google"}, "A provider is enabled by its credentials in the environment."},
		{"order of sources", []string{"GET /priorities/providers", "PUT /priorities/providers", "GET /priorities/device-types", "PUT /priorities/device-types"},
			"The record that says more is shown, and the others are kept beside it: `include=duplicates`."},
		{"phones and their libraries", []string{"POST /sdk/users/{user}/sync", "POST /sdk/users/{user}/logs", "POST /users/{user}/token", "POST /users/{user}/invitation-code", "POST /invitation-code/redeem", "POST /token/refresh", "POST /token/revoke"}, "Not yet."},
		{"files of Apple Health", []string{"POST /users/{user}/import/apple/xml/s3", "POST /users/{user}/import/apple/xml/direct"}, "Not yet. Fitbit archives: [import.md](import.md)."},
		{"backfill of Garmin, webhooks of Strava and Oura", []string{"GET /providers/garmin/users/{user}/backfill/status", "POST /providers/garmin/users/{user}/backfill/cancel"}, "Not yet."},
		{"the dashboard's own: login, developers, invitations, applications, API keys, statistics, archival, sample data", nil,
			"There is no dashboard. The first key is made at the start; [operations.md](operations.md) says the rest."},
	}
}
