package peer

import "net/http"

const (
	get   = http.MethodGet
	post  = http.MethodPost
	patch = http.MethodPatch
	del   = http.MethodDelete
)

func user(prefix string) []string {
	return []string{
		prefix + "id text", prefix + "created_at time", prefix + "first_name? text", prefix + "last_name? text", prefix + "email? text",
		prefix + "external_user_id? text", prefix + "last_synced_at? time", prefix + "last_synced_provider? text", prefix + "has_active_connection yes",
	}
}

func people() []Request {
	page := append(user("items[]."), "total number", "page number", "limit number", "pages number", "has_next yes", "has_prev yes")
	return []Request{
		{Method: post, Path: "/users", Body: `{"first_name":"Ada","email":"ada@example.org","external_user_id":"ada"}`, There: 201, Here: 201, Reads: user(""), Outcome: Same,
			Says: "An `external_user_id` that is taken is a 409, and a member that is not known a 400."},
		{Method: get, Path: "/users?limit=100", There: 200, Here: 200, Reads: page, Outcome: Same},
		{Method: get, Path: "/users?page=1&limit=20&search=ada&sort_by=email&sort_order=asc", There: 200, Here: 200, Reads: page, Outcome: Same,
			Says: "`search` looks into `external_user_id`, too."},
		{Method: get, Path: "/users?email=ada@example.org", There: 200, Here: 200, Reads: page, Outcome: Same},
		{Method: get, Path: "/users?external_user_id=ada", There: 200, Here: 200, Reads: page, Outcome: Same},
		{Method: get, Path: "/users?sort_by=last_synced_at", There: 200, Here: 400, Reads: []string{"detail text"}, Outcome: Differs,
			Says: "People are not sorted by `last_synced_at` or `name`; the 400 names what they are sorted by."},
		{Method: get, Path: "/users?has_active_connection=true", There: 200, Here: 400, Reads: []string{"detail text"}, Outcome: Differs,
			Says: "The filters of version 0.9.0 (`provider`, `connection_status`, `has_active_connection`, `last_synced_before`) are a 400, and so is `include`, also for one person."},
		{Method: get, Path: "/users/{user}", There: 200, Here: 200, Reads: user(""), Outcome: Same},
		{Method: get, Path: "/users/{nobody}", There: 404, Here: 404, Reads: []string{"detail text"}, Outcome: Same},
		{Method: patch, Path: "/users/{user}", Body: `{"first_name":"Grace","last_name":null}`, There: 200, Here: 200, Reads: user(""), Outcome: Same},
	}
}

func consents() []Request {
	return []Request{
		{Method: get, Path: "/oauth/providers", There: 200, Here: 200, Outcome: Differs,
			Reads: []string{"[].provider text", "[].name text", "[].has_cloud_api yes", "[].is_enabled yes", "[].icon_url? text"},
			Says:  "`name` is the same as `provider`, and their `name` is `display_name`. `icon_url` is null. Google is `google_health`, and `google` is taken wherever a provider is named."},
		{Method: get, Path: "/oauth/providers?enabled_only=true&cloud_only=true", There: 200, Here: 200, Outcome: Same, Reads: []string{"[].provider text", "[].is_enabled yes"},
			Says: "The filters do the same."},
		{Method: get, Path: "/oauth/google/authorize?user_id={user}", There: 200, Here: 200, Outcome: Same, Reads: []string{"authorization_url text", "state text"},
			Says: "The person ends on a page of the server; there it is JSON at `/oauth/success`."},
		{Method: get, Path: "/oauth/google/authorize?user_id={user}&redirect_uri=http://app.test/done", There: 200, Here: 200, Outcome: Same, Reads: []string{"authorization_url text", "state text"},
			Says: "The outcome is in the query of the address: `provider`, `status`, `connection_id`, or `error` and `reason`."},
		{Method: get, Path: "/oauth/google/authorize?user_id={user}&redirect_uri=https://elsewhere.example/", There: 200, Here: 400, Outcome: Differs, Reads: []string{"detail text"},
			Says: "The origin of `redirect_uri` must be in `STRIDELOG_REDIRECT_ALLOWLIST`."},
		{Method: get, Path: "/oauth/google/callback?state=unknown&code=c", There: 303, Here: 400, Outcome: Differs, Reads: []string{"detail text"},
			Says: "A state that is unknown or used leads nowhere; there it redirects to JSON at `/oauth/error`."},
		{Method: get, Path: "/users/{user}/connections", There: 200, Here: 200, Outcome: Differs,
			Reads: []string{
				"[].id text", "[].user_id text", "[].provider text", "[].provider_user_id? text", "[].provider_username? text", "[].scope? text", "[].status text",
				"[].last_synced_at? time", "[].created_at time", "[].updated_at time", "[].icon_url? text", "[].max_historical_days? number", "[].rest_pull yes",
				"[].webhook_stream yes", "[].webhook_ping yes", "[].webhook_callback yes",
			},
			Says: "`status` has more words than `active`, `revoked` and `expired`: `degraded` still works, `action_required` needs the person (`reason`, `next_action`), `provider_retired` is switched off by the provider. `scope` is the same text, and `scopes` a list."},
	}
}

func syncs() []Request {
	ticket := []string{"sync_id text", "status text", "window.from time", "window.to time", "not_before? time"}
	const says = "202 and the id of the sync, in place of `success`, `task_id` and `message`: ask `GET /users/{user}/syncs/{sync_id}` how it ended."
	return []Request{
		{Method: post, Path: "/providers/google/users/{user}/sync", There: 200, Here: 202, Reads: ticket, Outcome: Differs, Says: says},
		{Method: post, Path: "/providers/google/users/{user}/sync?data_type=workouts&async=false", There: 200, Here: 202, Reads: ticket, Ignored: "async, data_type", Outcome: Differs,
			Says: "A sync is never waited for, and reads what `kinds` names, without it every item and day that the person granted: the header `Stridelog-Ignored` names the parameters that did nothing."},
		{Method: post, Path: "/providers/google/users/{user}/sync?since={from_unix}", There: 200, Here: 202, Reads: ticket, Outcome: Differs,
			Says: "`since`, `summary_start_time` and `summary_end_time` are names of `start_date` and `end_date`, for every provider."},
		{Method: post, Path: "/providers/google/users/{user}/sync?samples=true&zones=true&route=true&limit=50&offset=0&filter_by_modification_time=true", There: 200, Here: 202, Reads: ticket,
			Ignored: "filter_by_modification_time, limit, offset, route, samples, zones", Outcome: Differs, Says: "As above."},
		{Method: post, Path: "/providers/google/users/{user}/sync/historical?days=30", There: 200, Here: 202, Reads: ticket, Outcome: Differs, Says: "As above; `days` may be 3650."},
		{Method: post, Path: "/providers/google/users/{nobody}/sync", There: 404, Here: 404, Reads: []string{"detail text"}, Outcome: Same},
		{Method: post, Path: "/providers/garmin/users/{user}/sync", There: 404, Here: 404, Reads: []string{"detail text"}, Outcome: Same,
			Says: "There the person has no such connection, here there is no such provider yet."},
	}
}

// endings come last: what they end is needed before.
func endings() []Request {
	return []Request{
		{Method: del, Path: "/users/{user}/connections/google", There: 204, Here: 200, Reads: []string{"connection_id text", "status text"}, Outcome: Differs,
			Says: "200 with the connection that ended. The data stays, as there."},
		{Method: del, Path: "/users/{user}", There: 200, Here: 202, Reads: []string{"erasure_id text", "state text"}, Outcome: Differs,
			Says: "202 with an erasure, in place of the user: the person answers 404 at once, and `GET /erasures/{erasure_id}` says what was deleted."},
		{Method: get, Path: "/users/{user}", There: 404, Here: 404, Reads: []string{"detail text"}, Outcome: Same},
	}
}
