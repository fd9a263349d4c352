module github.com/stridelog/stridelog/services/oauth

go 1.26.0

require (
	github.com/stridelog/stridelog/events v0.0.0
	github.com/stridelog/stridelog/platform v0.0.0
	github.com/stridelog/stridelog/provider v0.0.0
)

require (
	github.com/google/uuid v1.6.0 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/pgx/v5 v5.12.0 // indirect
	github.com/prometheus/client_golang v1.25.0 // indirect
	github.com/tink-crypto/tink-go/v2 v2.9.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	pgregory.net/rapid v1.3.0 // indirect
)

replace (
	github.com/stridelog/stridelog/events => ../../events
	github.com/stridelog/stridelog/platform => ../../platform
	github.com/stridelog/stridelog/provider => ../../provider
)
