package googlehealth_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

const field = "exercise.interval.civil_start_time"

func civil(t time.Time) string { return t.Format("2006-01-02T15:04:05") }

func TestAFilterIsOfCivilStartsHalfOpen(t *testing.T) {
	a := newApp(t, nil)
	token := a.connect(0).Access // she travels, so that civil and UTC differ
	records := a.cloud.Records(a.account(0))
	edge := records[len(records)/2]
	for name, c := range map[string]struct {
		filter string
		holds  func(start string) bool
	}{
		"a day on":      {field + ` >= "2026-03-01"`, func(s string) bool { return s >= "2026-03-01" }},
		"up to a day":   {field + ` < "2025-02-01"`, func(s string) bool { return s < "2025-02-01" }},
		"both":          {field + ` >= "2026-03-01T00:00:00" AND ` + field + ` < "2026-04-01"`, func(s string) bool { return s >= "2026-03-01" && s < "2026-04-01" }},
		"turned around": {field + ` < "2026-04-01" AND ` + field + ` >= "2026-03-01"`, func(s string) bool { return s >= "2026-03-01" && s < "2026-04-01" }},
		"from a record": {field + `>="` + civil(edge.Start) + `"`, func(s string) bool { return s >= civil(edge.Start) }},
		"to a record":   {field + ` < "` + civil(edge.Start) + `"`, func(s string) bool { return s < civil(edge.Start) }},
		"nothing":       {"", func(string) bool { return true }},
	} {
		want := map[string]bool{}
		for _, r := range records {
			if c.holds(civil(r.Start)) {
				want[r.ExternalID] = true
			}
		}
		points, _ := a.all(token, filtered(c.filter))
		if len(points) != len(want) || len(want) == 0 {
			t.Errorf("%s: %d points, want %d", name, len(points), len(want))
		}
		for _, p := range points {
			if !want[idOf(read(t, p))] {
				t.Errorf("%s: holds %s", name, p)
			}
		}
	}
}

func TestOtherFiltersAreRefused(t *testing.T) {
	a := newApp(t, nil)
	token := a.connect(0).Access
	a.page(token, filtered(field+` >= "2026-03-01"`)) // the control
	for filter, reason := range map[string]string{
		`exercise.interval.start_time >= "2026-03-01T00:00:00Z"`:                             "DATA_TYPE_MEMBER",
		`exercise.interval.end_time >= "2026-03-01T00:00:00Z"`:                               "DATA_TYPE_MEMBER",
		`exercise.interval.civil_end_time < "2026-03-01"`:                                    "DATA_TYPE_MEMBER",
		`exercise.update_time >= "2026-03-01T00:00:00Z"`:                                     "DATA_TYPE_MEMBER",
		`sleep.interval.civil_end_time >= "2026-03-01"`:                                      "COLLECTION_MISMATCH",
		`interval.civil_start_time >= "2026-03-01"`:                                          "COLLECTION_MISMATCH",
		field + ` >= "2026-03-01" AND exercise.interval.start_time < "2026-04-01T00:00:00Z"`: "MIXED_TIME_RESTRICTIONS",
		field + ` > "2026-03-01"`:                                                            "RESTRICTION_COMPARATOR",
		field + ` <= "2026-03-01"`:                                                           "RESTRICTION_COMPARATOR",
		field + ` = "2026-03-01"`:                                                            "RESTRICTION_COMPARATOR",
		field + ` != "2026-03-01"`:                                                           "RESTRICTION_COMPARATOR",
		field + ` >= "2026-03-01T00:00:00Z"`:                                                 "CIVIL_DATE_TIME_FORMAT",
		field + ` >= "2026-03-01T00:00:00+02:00"`:                                            "CIVIL_DATE_TIME_FORMAT",
		field + ` >= "2026-03-01 00:00:00"`:                                                  "CIVIL_DATE_TIME_FORMAT",
		field + ` >= "2026-02-30"`:                                                           "CIVIL_DATE_TIME_FORMAT",
		field + ` >= ""`:                                                                     "CIVIL_DATE_TIME_FORMAT",
		field + ` >= 2026-03-01`:                                                             "SYNTAX",
		field + ` >= '2026-03-01'`:                                                           "SYNTAX",
		field + ` >= "2026-03-01`:                                                            "SYNTAX",
		field + ` >= "2026-03-01" and ` + field + ` < "2026-04-01"`:                          "SYNTAX",
		field + ` >= "2026-03-01" , ` + field + ` < "2026-04-01"`:                            "SYNTAX",
		`"2026-03-01" <= ` + field:                                                           "SYNTAX",
		field:                                                                                "MISSING_TOKEN",
		field + ` >=`:                                                                        "MISSING_TOKEN",
		field + ` >= "2026-03-01" AND`:                                                       "MISSING_TOKEN",
		field + ` >= "2026-03-01" OR ` + field + ` < "2026-04-01"`:                           "EXPRESSION_STRUCTURE",
		`(` + field + ` >= "2026-03-01")`:                                                    "EXPRESSION_STRUCTURE",
		`NOT ` + field + ` >= "2026-03-01"`:                                                  "EXPRESSION_STRUCTURE",
		field + ` >= "2026-03-01" AND ` + field + ` >= "2026-04-01"`:                         "EXPRESSION_STRUCTURE",
		field + ` >= "2026-03-01" AND ` + field + ` < "2026-04-01" AND ` + field + ` < "2026-05-01"`: "EXPRESSION_STRUCTURE",
	} {
		got := a.get(token, filtered(filter))
		a.wantProblem(got, 400, "INVALID_ARGUMENT", "INVALID_DATA_POINT_FILTER_"+reason)
		if !strings.Contains(got.Body, `"detailedReasons": "INVALID_DATA_POINT_FILTER_`+reason) {
			t.Errorf("%s: no detailed reason in %s", filter, got.Body)
		}
		if t.Failed() {
			t.Fatalf("at the filter %s", filter)
		}
	}
	for _, filter := range []string{field + ` >= "2026-03-02" AND ` + field + ` < "2026-03-02"`, field + ` >= "2026-03-02" AND ` + field + ` < "2026-03-01"`} {
		a.wantProblem(a.get(token, filtered(filter)), 400, "INVALID_ARGUMENT", "INVALID_TIME_RANGE")
	}
}

func TestOtherRequestsAreRefused(t *testing.T) {
	a := newApp(t, nil)
	token := a.connect(0).Access
	numeric := "/v4/users/" + a.account(0) + "/dataTypes/exercise/dataPoints"
	for path, reason := range map[string]string{
		numeric: "INVALID_PARENT_DATA_TYPE_COLLECTION", numeric + ":reconcile": "INVALID_PARENT_DATA_TYPE_COLLECTION",
		"/v4/users/me/dataTypes/running/dataPoints":                                           "INVALID_DATA_TYPE",
		"/v4/users/me/dataTypes/steps/dataPoints":                                             "INVALID_DATA_TYPE", // exercise is all there is
		listPath + "?dataSourceFamily=all-sources":                                            "INVALID_DATA_POINT_DATA_SOURCE_FAMILY",
		listPath + "?dataSourceFamily=" + url.QueryEscape("users/me/dataSourceFamilies/mine"): "INVALID_DATA_POINT_DATA_SOURCE_FAMILY",
		listPath + "/UPPER":                   "INVALID_DATA_POINT_NAME",
		listPath + "?startTime=2026-03-01":    "",
		listPath + "?page_size=3":             "",
		listPath + "/5550001112223334445?x=1": "",
	} {
		a.wantProblem(a.get(token, path), 400, "INVALID_ARGUMENT", reason)
	}
	stranger := strings.Replace(numeric, a.account(0), a.account(1), 1)
	a.wantProblem(a.get(token, stranger), 403, "PERMISSION_DENIED", "RESOURCE_PERMISSION_DENIED")
	a.page(token, listPath+"?alt=json&prettyPrint=false&quotaUser=x")
}

func TestGetTakesBothNames(t *testing.T) {
	a := newApp(t, nil)
	token := a.connect(0).Access
	raw := a.page(token, listPath).Points[3]
	id := idOf(read(t, raw))
	for _, user := range []string{"me", a.account(0)} {
		got := a.get(token, "/v4/users/"+user+"/dataTypes/exercise/dataPoints/"+id)
		if got.Status != 200 || strings.TrimSuffix(got.Body, "\n") != string(raw) {
			t.Errorf("%s: %d %s", user, got.Status, got.Body)
		}
	}
	a.wantProblem(a.get(token, listPath+"/5550001112223334445"), 404, "NOT_FOUND", "RESOURCE_NOT_FOUND")
	a.wantProblem(a.get(a.connect(1).Access, listPath+"/"+id), 404, "NOT_FOUND", "RESOURCE_NOT_FOUND")
	if err := a.cloud.Delete(a.account(0), id); err != nil {
		t.Fatal(err)
	}
	a.wantProblem(a.get(token, listPath+"/"+id), 404, "NOT_FOUND", "RESOURCE_NOT_FOUND")
}

func TestSeveralSourcesOfOneWorkout(t *testing.T) {
	a := newApp(t, func(o *googlehealth.Options) { o.Copies = 100 })
	token, account := a.connect(0).Access, a.account(0)
	records := a.cloud.Records(account)
	copies := 0
	for _, r := range records {
		if r.Source.Application != "com.example.gymlog" {
			continue
		}
		copies++
		near := 0
		for _, other := range records {
			if other.ExternalID != r.ExternalID && r.Start.Sub(other.Start) < time.Minute && r.Start.After(other.Start) && other.Type == r.Type {
				near++
			}
		}
		if near != 1 || r.Source.Platform != "HEALTH_CONNECT" || r.CaloriesKcal != nil && *r.CaloriesKcal != 0 || r.Zones != nil {
			t.Fatalf("a copy of %d records: %+v", near, r)
		}
	}
	if copies < len(records)/3 {
		t.Errorf("%d copies of %d records", copies, len(records))
	}
	merged, _ := a.all(token, listPath+":reconcile")
	if len(merged) != len(records)-copies {
		t.Errorf("%d merged of %d with %d copies", len(merged), len(records), copies)
	}
	for i, raw := range merged {
		w := read(t, raw)
		if w.DataSource != nil || w.Name != "" || !strings.HasSuffix(w.PointName, "/dataPoints/"+idOf(w)) {
			t.Fatalf("not a reconciled point: %s", raw)
		}
		if i > 20 && w.Exercise.Interval.StartTime.Before(read(t, merged[i-20]).Exercise.Interval.StartTime) {
			t.Fatalf("the stream turns around at %d", i)
		}
	}
	families := map[string]int{}
	for _, family := range []string{"all-sources", "google-wearables", "google-sources", "self-sources"} {
		points, _ := a.all(token, listPath+"?dataSourceFamily="+url.QueryEscape("users/me/dataSourceFamilies/"+family))
		families[family] = len(points)
	}
	if families["all-sources"] != len(records) || families["self-sources"] != 0 || families["google-wearables"] >= families["google-sources"] || families["google-sources"] > len(records)-copies {
		t.Errorf("families %v", families)
	}
}

func TestPrettyAndPlainRecordsBothOccur(t *testing.T) {
	a := newApp(t, nil)
	lines, escapes := 0, 0
	for _, r := range a.cloud.Records(a.account(2)) {
		raw := a.cloud.RawRecord(a.account(2), r.ExternalID)
		if !json.Valid(raw) {
			t.Fatalf("not JSON: %s", raw)
		}
		if strings.Contains(string(raw), "\n") {
			lines++
		}
		if strings.Contains(string(raw), `\u`) {
			escapes++
		}
	}
	if lines == 0 || escapes == 0 {
		t.Errorf("%d records of several lines, %d with escapes", lines, escapes)
	}
}
