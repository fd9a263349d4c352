module github.com/stridelog/stridelog/platform

go 1.26.0

require (
	github.com/stridelog/stridelog/events v0.0.0
)

replace (
	github.com/stridelog/stridelog/events => ../events
)
