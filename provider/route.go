package provider

// TrackMaker makes a TCX file of a route that is none. It is pure: the same bytes give
// the same file.
type TrackMaker func(file []byte) (tcx []byte, err error)

// TrackMakers are all of them by the format word of the route. A route of any other
// format is a TCX file itself.
type TrackMakers map[string]TrackMaker
