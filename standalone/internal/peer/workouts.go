package peer

const list = "/users/{user}/events/workouts"

// envelope is what a page has beside its rows.
func envelope() []string {
	return []string{
		"pagination.next_cursor? text", "pagination.previous_cursor? text", "pagination.has_more yes", "pagination.total_count? number",
		"metadata.resolution? text", "metadata.sample_count number", "metadata.start_time? text", "metadata.end_time? text",
	}
}

func row() []string {
	return append([]string{
		"data[].id text", "data[].type text", "data[].name? text", "data[].start_time time", "data[].end_time time", "data[].zone_offset? text",
		"data[].duration_seconds? number", "data[].source.provider text", "data[].source.source? text", "data[].source.device? text",
		"data[].source.device_type? text", "data[].source.device_name? text", "data[].calories_kcal? number", "data[].distance_meters? number",
		"data[].avg_heart_rate_bpm? number", "data[].max_heart_rate_bpm? number", "data[].avg_pace_sec_per_km? number", "data[].elevation_gain_meters? number",
	}, envelope()...)
}

func workouts() []Request {
	return []Request{
		{Method: get, Path: list + "?start_date={from}&end_date={to}&limit=100", There: 200, Here: 200, Reads: append(row(), "data[].open_wearables_type? text"), Outcome: Differs,
			Says: "`type` is Google's word (`biking`); theirs (`cycling`) is `open_wearables_type`, null where they would say `other`. `source.provider` is `google_health`. `device_type` may be another word than theirs, such as `tracker` or `fitness_band`. `duration_seconds` may have a fraction. A zero is 0, where theirs is null. A day is the person's own, theirs is UTC's."},
		{Method: get, Path: list + "?start_date={from}&end_date={to}&record_type=cycling", There: 200, Here: 200, Reads: row(), Outcome: Same,
			Says: "Their words are taken, in any case, and find what they find there: `cycling` is `biking`, `outdoor_bike`, `hand_cycling` and `unicycling`. Our own words are taken, too, and several at a time."},
		{Method: get, Path: list + "?start_date={from}&end_date={to}&type=cycling&provider=google", There: 200, Here: 200, Reads: row(), Outcome: Same,
			Says: "A word that is ours, too, asks for our type of this name alone: `type=walking` leaves `nordic_walking` out."},
		{Method: get, Path: list + "?start_date={from}&end_date={to}&source=google", There: 200, Here: 400, Reads: []string{"detail text"}, Outcome: Differs,
			Says: "The filters `source`, `device_model` and `data_source_id` of version 0.9.0 are a 400."},
		{Method: get, Path: list + "?start_date={from}&end_date={to}&record_type=triathlon", There: 200, Here: 200, Reads: envelope(), Outcome: Same,
			Says: "A word of theirs that no source here says finds nothing."},
		{Method: get, Path: list + "?start_date={from}&end_date={to}&record_type=run", There: 200, Here: 400, Reads: []string{"detail text"}, Outcome: Differs,
			Says: "A part of a word is a 400 that names whole ones; there it finds all that contain it."},
		{Method: get, Path: list + "?start_date={from_unix}&end_date={to_unix}", There: 200, Here: 200, Reads: row(), Outcome: Same, Says: "Unix seconds, also with a fraction."},
		{Method: get, Path: list + "?start_date={from_time}&end_date={to_time}", There: 200, Here: 200, Reads: row(), Outcome: Differs,
			Says: "A time without an offset is what the person's clock showed; there it is UTC."},
		{Method: get, Path: list + "?start_date={from}&end_date={to}&include=zones", There: 200, Here: 200, Outcome: Differs,
			Reads: append(row(), "data[].hr_zones?.zones[].zone number", "data[].hr_zones?.zones[].seconds? number", "data[].hr_zones?.zones[].max_bpm? number",
				"data[].hr_zones?.max_hr? number", "data[].hr_zones?.threshold_hr? number", "data[].power_zones? text"),
			Says: "The members are those of September 2026. A zone has a name and a lower bound beside; `seconds` is null where the provider does not say. `max_hr`, `threshold_hr` and `power_zones` are always null: no source here tells them."},
	}
}

// lists are the borders of a list.
func lists() []Request {
	problem := []string{"detail text"}
	return []Request{
		{Method: get, Path: list, There: 400, Here: 200, Reads: row(), Outcome: Differs, Says: "The dates are optional."},
		{Method: get, Path: list + "?start_date={from}&end_date={from}", There: 200, Here: 400, Reads: problem, Outcome: Differs,
			Says: "**`end_date` is exclusive**: for one day send the day after; the 400 says so. Version 0.6.3 is exclusive, too, and finds nothing; the document of 0.9.0 says that a date includes its day."},
		{Method: get, Path: list + "?start_date=yesterday&end_date={to}", There: 400, Here: 400, Reads: problem, Outcome: Same, Says: "`detail` names the forms."},
		{Method: get, Path: list + "?start_date={from}&end_date={to}&limit=1000", There: 200, Here: 400, Reads: problem, Outcome: Differs,
			Says: "The most is 100, as there in version 0.6.3: follow `next_cursor`."},
		{Method: get, Path: list + "?start_date={from}&end_date={to}&cursor=abc", There: 400, Here: 400, Reads: problem, Outcome: Same,
			Says: "Cursors are opaque, and those of the other platform are refused: begin again without one."},
		{Method: get, Path: list + "?start_date={from}&end_date={to}&sort=asc", There: 200, Here: 400, Reads: problem, Outcome: Differs,
			Says: "A parameter that is not known is a 400; there it does nothing."},
		{Method: get, Path: "/users/{nobody}/events/workouts?start_date={from}&end_date={to}", There: 200, Here: 404, Reads: problem, Outcome: Differs,
			Says: "A person who is not known is a 404; there it is an empty page."},
	}
}
