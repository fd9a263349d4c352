module github.com/stridelog/stridelog/provider

go 1.26.0

require (
	github.com/stridelog/stridelog/events v0.0.0
	golang.org/x/oauth2 v0.37.0
	golang.org/x/text v0.43.0
	pgregory.net/rapid v1.3.0
)

require github.com/google/uuid v1.6.0 // indirect

replace github.com/stridelog/stridelog/events => ../events
