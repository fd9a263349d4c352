package problem

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// Postgres' codes for a view that is not there.
const (
	undefinedTable    = "42P01"
	invalidSchemaName = "3F000"
)

// MissingView says whether a query failed because another service has not
// published its views yet.
func MissingView(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == undefinedTable || pg.Code == invalidSchemaName)
}

// notStorable says whether the database refused a value because no column of its type
// holds it. Routes check what they are given; this is for what a check forgets.
func notStorable(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code {
	case "22003", // numeric_value_out_of_range
		"22008", // datetime_field_overflow
		"22021", // character_not_in_repertoire
		"22P05": // untranslatable_character
		return true
	}
	return false
}

// OfQuery is the error of a query on another service's views: a 503 while they
// are not published, else an error that is not for clients.
func OfQuery(service string, err error) error {
	if MissingView(err) {
		return Unavailable("The "+service+" service has not started on this database yet: start it and try again.", err)
	}
	return fmt.Errorf("read the views of %s: %w", service, err)
}
