module github.com/stridelog/stridelog/services/oauth

go 1.26.0

require (
	github.com/stridelog/stridelog/events v0.0.0
	github.com/stridelog/stridelog/platform v0.0.0
	github.com/stridelog/stridelog/provider v0.0.0
)

replace (
	github.com/stridelog/stridelog/events => ../../events
	github.com/stridelog/stridelog/platform => ../../platform
	github.com/stridelog/stridelog/provider => ../../provider
)
