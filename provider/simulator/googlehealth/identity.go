package googlehealth

import (
	"net/http"
	"strconv"
	"time"
)

// identity is GET /v4/users/me/identity: whose token it is.
func (c *Cloud) identity(w http.ResponseWriter, r *http.Request, who caller) {
	if !plain(w, r, who) {
		return
	}
	reply(w, struct {
		Name         string `json:"name"`
		HealthUserID string `json:"healthUserId"`
		LegacyUserID string `json:"legacyUserId"`
	}{"users/me/identity", who.account.id, who.account.person.AccountID()})
}

// settings is GET /v4/users/me/settings: zone and units.
func (c *Cloud) settings(w http.ResponseWriter, r *http.Request, who caller) {
	if !plain(w, r, who) {
		return
	}
	p := who.account.person
	zone := p.Zone(who.now)
	_, offset := who.now.In(zone).Zone()
	distance, locale := "DISTANCE_UNIT_KILOMETERS", "en_GB"
	if p.Language() == "it" {
		locale = "it_IT"
	}
	if p.Miles() {
		distance, locale = "DISTANCE_UNIT_MILES", "en_US"
	}
	reply(w, struct {
		Name           string `json:"name"`
		DistanceUnit   string `json:"distanceUnit"`
		LanguageLocale string `json:"languageLocale"`
		TimeZone       string `json:"timeZone"`
		UTCOffset      string `json:"utcOffset"`
	}{"users/me/settings", distance, locale, zone.String(), seconds(time.Duration(offset) * time.Second)})
}

// profile is GET /v4/users/me/profile. As on live accounts it holds the age alone.
func (c *Cloud) profile(w http.ResponseWriter, r *http.Request, who caller) {
	if !plain(w, r, who) {
		return
	}
	reply(w, struct {
		Name string `json:"name"`
		Age  int    `json:"age"`
	}{"users/me/profile", 24 + draw(35, "age", who.account.id)})
}

// device is an entry of pairedDevices.
type device struct {
	Name          string   `json:"name"`
	DeviceType    string   `json:"deviceType"`
	DeviceVersion string   `json:"deviceVersion"`
	BatteryStatus string   `json:"batteryStatus"`
	BatteryLevel  int      `json:"batteryLevel"`
	LastSyncTime  string   `json:"lastSyncTime"`
	Features      []string `json:"features"`
}

const (
	fewDevices  = 5 // of a page, unless the request says otherwise
	mostDevices = 100
)

// devices is GET /v4/users/me/pairedDevices: the tracker that recorded last, and
// a scale. They synced when the newest record arrived.
func (c *Cloud) devices(w http.ResponseWriter, r *http.Request, who caller) {
	p := checkPath(r, who, false)
	if p == nil {
		p = checkParameters(r.URL.Query(), "pageSize", "pageToken")
	}
	size := 0
	if p == nil {
		size, p = readSize(r.URL.Query().Get("pageSize"), fewDevices, mostDevices)
	}
	at := cursor{}
	if p == nil {
		at, p = c.readToken(r.URL.Query().Get("pageToken"), queryOf(r, who), who.now)
	}
	if p != nil {
		refuse(w, *p)
		return
	}
	all := pairedDevices(who)
	from := min(at.Page, len(all)) // the cursor counts devices here
	to := min(from+size, len(all))
	answer := struct {
		Devices []device `json:"pairedDevices,omitempty"`
		Token   string   `json:"nextPageToken,omitempty"`
	}{Devices: all[from:to]}
	if to < len(all) {
		answer.Token = c.pageToken(cursor{Query: at.Query, Page: to, Issued: who.now})
	}
	reply(w, answer)
}

func pairedDevices(who caller) []device {
	synced, worn := who.account.person.Since(), ""
	var last time.Time
	for _, e := range who.account.visible(who.now) {
		record := e.at(who.now)
		if record.Modified.After(synced) {
			synced = record.Modified
		}
		if s := record.Source; s.Device != nil && s.Device.Manufacturer != "" && record.Start.After(last) {
			last, worn = record.Start, s.Device.Name
		}
	}
	scale := device{"users/me/pairedDevices/" + strconv.Itoa(1000+draw(9000, "scale", who.account.id)), "SCALE", "Aria Air", "HIGH", 90, instant(synced), []string{}}
	if worn == "" {
		return []device{scale}
	}
	tracker := device{"users/me/pairedDevices/" + strconv.Itoa(100000+draw(900000, "tracker", worn)), "TRACKER", worn, "MEDIUM", 20 + draw(70, "battery", worn), instant(synced), []string{"CONNECTED_GPS"}}
	return []device{tracker, scale}
}

// plain checks path and query of a resource that has no parameters.
func plain(w http.ResponseWriter, r *http.Request, who caller) bool {
	p := checkPath(r, who, true)
	if p == nil {
		p = checkParameters(r.URL.Query())
	}
	if p != nil {
		refuse(w, *p)
	}
	return p == nil
}
