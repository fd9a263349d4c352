package googlehealth_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stridelog/stridelog/provider/simulator"
	"github.com/stridelog/stridelog/provider/simulator/googlehealth"
)

// An account has the extra records of its owner, in the words of the list.
func TestExtraRecordsAreInTheList(t *testing.T) {
	length := simulator.Spread{{Weight: 1, Low: 90, High: 110}}
	person, err := simulator.NewPerson(5, "extra", "Europe/Berlin", simulator.Options{Now: noon, Days: 90, Extras: simulator.Extras{
		Copies:     []simulator.Repeat{{Percent: 100, Length: length, Automatic: 50}},
		Detections: []simulator.Repeat{{Percent: 100, Length: length}},
		Forgotten:  []simulator.Forgotten{{Percent: 100, Length: simulator.Spread{{Weight: 1, Low: 400, High: 400}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := googlehealth.New(googlehealth.Options{
		ClientID: clientID, ClientSecret: clientSecret, RedirectURIs: []string{redirectURI}, People: []*simulator.Person{person}, KeepIDs: true,
		Now: func() time.Time { return noon.AddDate(0, 0, 40) }, // what comes back-dated has come
	})
	if err != nil {
		t.Fatal(err)
	}
	kinds, methods := map[string]int{}, map[string]int{}
	for date := person.Since(); !date.After(noon); date = date.AddDate(0, 0, 1) {
		for _, x := range person.Extras(date) {
			kinds[x.Kind]++
			raw := cloud.RawRecord(googlehealth.HealthUserID(person), x.ExternalID)
			var sent struct {
				DataSource struct {
					RecordingMethod, Platform string
					Device                    map[string]string
					Application               map[string]string
				}
				Exercise struct{ MetricsSummary map[string]json.RawMessage }
			}
			if err := json.Unmarshal(raw, &sent); err != nil {
				t.Fatalf("%s %s: %v: %s", x.Kind, x.ExternalID, err, raw)
			}
			source, metrics := sent.DataSource, sent.Exercise.MetricsSummary
			number := func(name string) bool { return strings.ContainsAny(string(metrics[name]), "123456789") }
			var right bool
			switch x.Kind {
			case simulator.ExtraCopy:
				methods[source.RecordingMethod]++
				right = source.Platform == "HEALTH_CONNECT" && source.Device != nil && len(source.Device) == 0 && source.Application["packageName"] != ""
			case simulator.ExtraDetection:
				right = source.Platform == "FITBIT" && source.RecordingMethod == "PASSIVELY_MEASURED" && source.Device["displayName"] != "" && !number("distanceMillimeters")
			default:
				right = source.Platform == "FITBIT" && source.RecordingMethod == "ACTIVELY_MEASURED" && source.Device["displayName"] != "" &&
					!number("distanceMillimeters") && !number("caloriesKcal") && !number("steps")
			}
			if !right {
				t.Errorf("a %s is sent as %s", x.Kind, raw)
			}
		}
	}
	for _, kind := range []string{simulator.ExtraCopy, simulator.ExtraDetection, simulator.ExtraForgotten} {
		if kinds[kind] == 0 {
			t.Errorf("no %s in 90 days", kind)
		}
	}
	if methods["ACTIVELY_MEASURED"] == 0 || methods["PASSIVELY_MEASURED"] == 0 {
		t.Errorf("the recording methods of copies are %v", methods)
	}
}
