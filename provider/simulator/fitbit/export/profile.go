package export

import (
	"strings"
	"time"
)

// profile is the table about the person: one header, one row, CRLF. Most of it is
// nobody's business.
func (a *Archive) profile() string {
	unit, locale := "METRIC", "en_GB"
	if a.person.Language() == "it" {
		locale = "it_IT"
	}
	if a.person.Miles() {
		unit, locale = "en_US", "en_US"
	}
	first, _, _ := strings.Cut(a.person.DisplayName(), " ")
	cells := [][2]string{
		{"id", a.person.AccountID()}, {"full_name", first + " PrivateSurname"}, {"first_name", first}, {"last_name", "PrivateSurname"},
		{"display_name_setting", "name"}, {"display_name", a.person.DisplayName()}, {"username", a.email()}, {"email_address", a.email()},
		{"date_of_birth", "1984-02-29"}, {"child", "false"}, {"country", "null"}, {"state", "null"}, {"city", `"Hidden Lane 7, Smalltown"`},
		{"timezone", a.zone().String()}, {"locale", locale}, {"member_since", a.person.Since().Format(time.DateOnly)},
		{"about_me", "null"}, {"start_of_week", "MONDAY"}, {"sleep_tracking", "Normal"}, {"time_display_format", "24hour"},
		{"gender", "NA"}, {"height", "171.5"}, {"weight", "68.2"}, {"stride_length_walking", "74.1"}, {"stride_length_running", "102.0"},
		{"weight_unit", unit}, {"distance_unit", unit}, {"height_unit", unit}, {"water_unit", unit}, {"glucose_unit", unit}, {"swim_unit", unit},
	}
	names, values := make([]string, 0, len(cells)), make([]string, 0, len(cells))
	for _, c := range cells {
		names, values = append(names, c[0]), append(values, c[1])
	}
	return strings.Join(names, ",") + "\r\n" + strings.Join(values, ",") + "\r\n"
}

func (a *Archive) email() string {
	return strings.ToLower(a.person.AccountID()) + "@private.example"
}
