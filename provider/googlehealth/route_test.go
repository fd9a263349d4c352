package googlehealth

import (
	"io"
	"net/http"
	"strings"
	"testing"

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
	routes, ok := c.Fetcher.(provider.RouteGetter)
	if !ok {
		t.Fatal("the fetcher gives no routes")
	}
	route, _, err := routes.GetRoute(t.Context(), planted, "5550001112223334445")
	if err != nil {
		t.Fatal(err)
	}
	if string(route.Raw) != tcx || route.Format != FormatTCX || route.ExternalID != "5550001112223334445" || route.Problem != "" {
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
		_, _, err := routes.GetRoute(t.Context(), planted, "7")
		if e := wantClean(t, err); e.Class != test.class || e.Op != opRoute {
			t.Errorf("%s: got %v", name, err)
		}
	}
	asked = nil
	if _, _, err := routes.GetRoute(t.Context(), planted, "7/../8"); provider.ClassOf(err) != provider.ClassBadRequest || asked != nil {
		t.Errorf("an odd id gave %v", err)
	}
}

func TestRecordsTellOfRoutes(t *testing.T) {
	c := served(t, func(http.ResponseWriter, *http.Request) { t.Error("the provider was asked") })
	routes, ok := c.Fetcher.(provider.RouteGetter)
	if !ok {
		t.Fatal("the fetcher gives no routes")
	}
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
		if got := routes.HasRoute(test.format, []byte(test.raw)); got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}
