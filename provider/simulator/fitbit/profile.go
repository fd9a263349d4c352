package fitbit

import (
	"net/http"
)

// profile is GET /1/user/-/profile.json: the members that say how to read the
// other answers, and the name.
func (c *Cloud) profile(w http.ResponseWriter, _ *http.Request, who caller) {
	p := who.account.person
	zone := p.Zone(who.now)
	_, offset := who.now.In(zone).Zone()
	unit, locale := "METRIC", "en_GB"
	if p.Language() == "it" {
		locale = "it_IT"
	}
	if p.Miles() {
		unit, locale = "en_US", "en_US"
	}
	type user struct {
		DisplayName         string `json:"displayName"`
		DistanceUnit        string `json:"distanceUnit"`
		EncodedID           string `json:"encodedId"`
		FullName            string `json:"fullName"`
		LanguageLocale      string `json:"languageLocale"`
		Locale              string `json:"locale"`
		MemberSince         string `json:"memberSince"`
		OffsetFromUTCMillis int    `json:"offsetFromUTCMillis"`
		SwimUnit            string `json:"swimUnit"`
		Timezone            string `json:"timezone"`
		WeightUnit          string `json:"weightUnit"`
	}
	reply(w, http.StatusOK, map[string]user{"user": {
		DisplayName: p.DisplayName(), DistanceUnit: unit, EncodedID: p.AccountID(), FullName: p.DisplayName(),
		LanguageLocale: locale, Locale: locale, MemberSince: p.Since().Format("2006-01-02"), OffsetFromUTCMillis: offset * 1000,
		SwimUnit: unit, Timezone: zone.String(), WeightUnit: unit,
	}})
}
