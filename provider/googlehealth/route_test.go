package googlehealth

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

const tcx = `<?xml version="1.0" encoding="UTF-8"?>
<TrainingCenterDatabase xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2"><Activities><Activity Sport="Running"><Id>2026-10-03T06:30:00Z</Id></Activity></Activities></TrainingCenterDatabase>
`

func TestRoutes(t *testing.T) {
	var asked *http.Request
	answer := reply{200, map[string]string{"Content-Type": "application/vnd.garmin.tcx+xml"}, tcx}
	c := served(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r
		for name, value := range answer.header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(answer.status)
		_, _ = io.WriteString(w, answer.body)
	})
	source, _ := c.Source(kindRoute)
	routes := source.Attach
	route, _, err := routes.Attach(t.Context(), planted, exercise("5550001112223334445"), routeName)
	if err != nil {
		t.Fatal(err)
	}
	if string(route.Raw) != tcx || route.Format != FormatTCX || route.Kind != kindRoute || route.Problem != "" {
		t.Errorf("got %+v", route)
	}
	if asked.URL.Path != "/v4/users/me/dataTypes/exercise/dataPoints/5550001112223334445:exportExerciseTcx" || asked.URL.Query().Encode() != "alt=media&partialData=true" {
		t.Errorf("asked for %s", asked.URL)
	}
	for name, test := range map[string]struct {
		reply
		class provider.Class
	}{
		"no GPS":            {reply{404, asJSON, rpcStatus(404, "NOT_FOUND", "RESOURCE_NOT_FOUND", "{}")}, provider.ClassNotFound},
		"no GPS, in HTML":   {reply{404, asHTML, "<html>"}, provider.ClassNotFound},
		"no GPS, and empty": {reply{200, nil, " \n"}, provider.ClassNotFound},
		"location refused":  {reply{403, asJSON, rpcStatus(403, "PERMISSION_DENIED", "MISSING_OAUTH_SCOPE", "{}")}, provider.ClassInsufficientScope},
		"a page":            {reply{200, asHTML, "<html><body>" + planted + "</body></html>"}, provider.ClassInvalidResponse},
		"JSON":              {reply{200, asJSON, `{"tcxData":""}`}, provider.ClassInvalidResponse},
		"cut off":           {reply{200, nil, tcx[:len(tcx)-20]}, provider.ClassInvalidResponse},
		"too large":         {reply{200, nil, tcx + strings.Repeat(" ", maxRoute)}, provider.ClassTooLarge},
		"rate limited":      {reply{429, nil, ""}, provider.ClassRateLimited},
	} {
		answer = test.reply
		_, _, err := routes.Attach(t.Context(), planted, exercise("7"), routeName)
		if e := wantClean(t, err); e.Class != test.class || e.Op != opRoute {
			t.Errorf("%s: got %v", name, err)
		}
	}
	asked = nil
	for _, odd := range []events.ParentRef{exercise("7/../8"), exercise(""), {Kind: "sleep", ExternalID: "7"}} {
		if _, _, err := routes.Attach(t.Context(), planted, odd, routeName); provider.ClassOf(err) != provider.ClassBadRequest || asked != nil {
			t.Errorf("%+v gave %v", odd, err)
		}
	}
	if _, _, err := routes.Attach(t.Context(), planted, exercise("7"), "fit"); provider.ClassOf(err) != provider.ClassBadRequest || asked != nil {
		t.Errorf("another attachment gave %v", err)
	}
}

func exercise(id string) events.ParentRef {
	return events.ParentRef{Kind: kindActivity, ExternalID: id}
}

func TestRecordsTellOfRoutes(t *testing.T) {
	c := served(t, func(http.ResponseWriter, *http.Request) { t.Error("the provider was asked") })
	source, _ := c.Source(kindRoute)
	routes := source.Attach
	for name, test := range map[string]struct {
		format, raw string
		want        bool
	}{
		"GPS":               {FormatDataPoint, `{"exercise":{"exerciseMetadata":{"hasGps":true}}}`, true},
		"GPS, byte order":   {FormatDataPoint, "\ufeff" + ` {"exercise":{"exerciseMetadata":{"hasGps":true,"poolLengthMillimeters":[]}}} `, true},
		"no GPS":            {FormatDataPoint, `{"exercise":{"exerciseMetadata":{"hasGps":false}}}`, false},
		"nothing said":      {FormatDataPoint, `{"exercise":{"exerciseMetadata":{}}}`, false},
		"said elsewhere":    {FormatDataPoint, `{"exercise":{"notes":"hasGps: true"},"hasGps":true}`, false},
		"said in odd words": {FormatDataPoint, `{"exercise":{"exerciseMetadata":{"hasGps":"yes"}}}`, false},
		"a route itself":    {FormatTCX, tcx, false},
		"no JSON":           {FormatDataPoint, `<html>`, false},
		"another's data":    {"fitbit.activity_list.v1", `{"exercise":{"exerciseMetadata":{"hasGps":true}}}`, false},
	} {
		if got := len(routes.Wants(provider.Record{Format: test.format, Raw: []byte(test.raw)})) == 1; got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}
