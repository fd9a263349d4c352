package googlehealth

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/url"

	"github.com/stridelog/stridelog/events"
	"github.com/stridelog/stridelog/provider"
)

// maxRoute is how many bytes a TCX file may have: three hours with a point a second
// are about 3 MB. Within JSON it must still fit into one message of the log.
const maxRoute = 6 << 20

// routeName is the name of the one attachment of an exercise.
const routeName = "route"

// routes downloads where exercises went.
type routes struct{ api *api }

// Wants implements provider.Attacher: hasGps says so (section 4). Exercises that do
// not say it are not asked for their route; each would cost a request.
func (*routes) Wants(r provider.Record) []string {
	if !hasRoute(r.Format, r.Raw) {
		return nil
	}
	return []string{routeName}
}

func hasRoute(format string, raw []byte) bool {
	if format != FormatDataPoint || !bytes.Contains(raw, []byte("hasGps")) { // most records do not say it
		return false
	}
	var point struct {
		Exercise struct {
			ExerciseMetadata struct{ HasGPS bool } `json:"exerciseMetadata"`
		} `json:"exercise"`
	}
	// One odd member elsewhere must not cost the route: what was read stays.
	_ = json.Unmarshal(bare(raw), &point)
	return point.Exercise.ExerciseMetadata.HasGPS
}

// Attach implements provider.Attacher: it downloads an exercise as a TCX file
// (section 4). It needs the scopes for activities and for location; without the
// second one Google may also answer with a file that has no positions. partialData
// keeps points that have a heart rate but no position.
func (f *routes) Attach(ctx context.Context, token provider.Secret, parent events.ParentRef, name string) (provider.Record, []provider.Quota, error) {
	externalID := parent.ExternalID
	if parent.Kind != kindActivity || name != routeName || !idForm.MatchString(externalID) || provider.IsMadeUpID(externalID) {
		return provider.Record{}, nil, &provider.Error{Provider: Name, Op: opRoute, Class: provider.ClassBadRequest, Reason: reasonBadID}
	}
	body, err := f.api.get(ctx, call{
		op: opRoute, path: exercisesPath + "/" + externalID + ":exportExerciseTcx",
		query: url.Values{"alt": {"media"}, "partialData": {"true"}},
		token: token, accept: "application/vnd.garmin.tcx+xml, application/xml;q=0.9, */*;q=0.1", max: maxRoute,
	})
	if err != nil {
		return provider.Record{}, nil, err
	}
	if len(bytes.TrimSpace(body)) == 0 { // as for exercises without a route
		return provider.Record{}, nil, &provider.Error{Provider: Name, Op: opRoute, Class: provider.ClassNotFound, Status: 200, Reason: reasonNoRoute}
	}
	if !isTCX(body) {
		return provider.Record{}, nil, invalid(opRoute, reasonNotTCX)
	}
	return provider.Record{
		Provider: Name, Kind: kindRoute, Format: FormatTCX, Raw: body,
		Context: events.ActivityContext{OffsetSource: events.OffsetUnknown},
	}, nil, nil
}

// isTCX says whether a file is a whole one of Garmin's training center. An error page
// is not, and neither is a file that was cut off.
func isTCX(file []byte) bool {
	decoder := xml.NewDecoder(bytes.NewReader(file))
	root := ""
	for {
		token, err := decoder.Token()
		if err != nil {
			return root == "TrainingCenterDatabase" && errors.Is(err, io.EOF)
		}
		if start, ok := token.(xml.StartElement); ok && root == "" {
			if root = start.Name.Local; root != "TrainingCenterDatabase" {
				return false
			}
		}
	}
}
