module github.com/stridelog/stridelog/standalone

go 1.26.0

require (
	github.com/stridelog/stridelog/events v0.0.0
	github.com/stridelog/stridelog/platform v0.0.0
	github.com/stridelog/stridelog/provider v0.0.0
	github.com/stridelog/stridelog/services/gateway v0.0.0
	github.com/stridelog/stridelog/services/oauth v0.0.0
	github.com/stridelog/stridelog/services/poller v0.0.0
	github.com/stridelog/stridelog/services/projector v0.0.0
)

require (
	golang.org/x/mod v0.42.0 // indirect
	golang.org/x/net v0.62.0 // indirect
)

replace (
	github.com/stridelog/stridelog/events => ../events
	github.com/stridelog/stridelog/platform => ../platform
	github.com/stridelog/stridelog/provider => ../provider
	github.com/stridelog/stridelog/services/gateway => ../services/gateway
	github.com/stridelog/stridelog/services/oauth => ../services/oauth
	github.com/stridelog/stridelog/services/poller => ../services/poller
	github.com/stridelog/stridelog/services/projector => ../services/projector
)
