package googlehealth

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// listQuery is a checked query of list or reconcile.
type listQuery struct {
	bounds bounds
	family string
	size   int
	at     cursor
}

// readList checks path and query, in the words of Google's reasons.
func (c *Cloud) readList(r *http.Request, who caller) (q listQuery, p *problem) {
	if p := checkPath(r, who, false); p != nil {
		return q, p
	}
	values := r.URL.Query()
	if p := checkParameters(values, "filter", "pageSize", "pageToken", "dataSourceFamily"); p != nil {
		return q, p
	}
	if q.size, p = readSize(values.Get("pageSize"), maxPage, maxPage); p != nil {
		return q, p
	}
	q.size = min(q.size, c.options.MaxPage)
	if q.bounds, p = readFilter(values.Get("filter")); p != nil {
		return q, p
	}
	if q.family, p = readFamily(values.Get("dataSourceFamily")); p != nil {
		return q, p
	}
	q.at, p = c.readToken(values.Get("pageToken"), queryOf(r, who), who.now)
	return q, p
}

// checkPath wants the user me and the type exercise. The numeric id that names
// are made of is refused as the parent of a collection; get takes it.
func checkPath(r *http.Request, who caller, byName bool) *problem {
	var p problem
	switch user, dataType := r.PathValue("user"), r.PathValue("type"); {
	case user != "me" && user != who.account.id:
		p = forbidden("RESOURCE_PERMISSION_DENIED", "The caller may not read the data of another user.")
	case user != "me" && !byName:
		p = invalid("INVALID_PARENT_DATA_TYPE_COLLECTION", "The parent of the collection is invalid: "+user)
	case dataType != "" && dataType != "exercise":
		p = invalid("INVALID_DATA_TYPE", "The data type is not offered: "+dataType)
	default:
		return nil
	}
	return &p
}

// checkParameters refuses what is no parameter, as Google's front end does.
func checkParameters(values url.Values, known ...string) *problem {
	known = append(known, "alt", "prettyPrint", "quotaUser")
	for name := range values {
		if !slices.Contains(known, name) {
			p := problem{HTTP: 400, Status: "INVALID_ARGUMENT", Message: "Invalid JSON payload received. Unknown name \"" + name + "\": Cannot bind query parameter. Field '" + name + "' could not be found in request message."}
			return &p
		}
	}
	return nil
}

// readSize cuts what is larger than most; what is no number is refused.
func readSize(text string, absent, most int) (int, *problem) {
	if text == "" || text == "0" {
		return absent, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		p := invalid("INVALID_PAGE_SIZE", "The page size is invalid: "+text)
		return 0, &p
	}
	return min(n, most), nil
}

func readFamily(text string) (string, *problem) {
	const prefix = "users/me/dataSourceFamilies/"
	word := strings.TrimPrefix(text, prefix)
	if text == "" || word != text && slices.Contains([]string{"all-sources", "google-wearables", "google-sources", "self-sources"}, word) {
		return word, nil
	}
	p := invalid("INVALID_DATA_POINT_DATA_SOURCE_FAMILY", "The data source family is not a full name: "+text)
	return "", &p
}

// inFamily says whether a source belongs to a family.
func inFamily(s Source, family string) bool {
	switch family {
	case "google-wearables":
		return s.Platform == "FITBIT" && s.Device != nil && (s.Device.FormFactor == "WATCH" || s.Device.FormFactor == "FITNESS_BAND")
	case "google-sources":
		return s.Platform == "FITBIT"
	case "self-sources":
		return false // this fake takes no records from its app
	default:
		return true
	}
}

// list is GET …/dataPoints: every record of every source, the newest first.
func (c *Cloud) list(w http.ResponseWriter, r *http.Request, who caller) {
	q, p := c.readList(r, who)
	if p != nil {
		refuse(w, *p)
		return
	}
	var chosen []*entry
	for _, e := range who.account.visible(who.now) {
		record := e.at(who.now)
		if q.bounds.hold(record.Start) && inFamily(record.Source, q.family) {
			chosen = append(chosen, e)
		}
	}
	c.answerPage(w, q, chosen, who, compareEntries, false)
}

// answerPage sends the page of the entries that follows a cursor.
func (c *Cloud) answerPage(w http.ResponseWriter, q listQuery, all []*entry, who caller, compare func(x, y *entry) int, reconciled bool) {
	if q.at.ID != "" {
		last := &entry{order: q.at.Order}
		last.record.ExternalID = q.at.ID
		all = slices.DeleteFunc(slices.Clone(all), func(e *entry) bool { return compare(e, last) <= 0 })
	}
	next := q.at
	next.Issued = who.now
	if len(all) > 0 && !q.at.Emptied && c.emptyPages(who.account.id, q.at.Page) {
		next.Emptied = true
		c.sendPage(w, nil, c.pageToken(next))
		return
	}
	page := all[:min(q.size, len(all))]
	token := ""
	if len(page) < len(all) {
		last := page[len(page)-1]
		next.Order, next.ID, next.Page, next.Emptied = last.order, last.record.ExternalID, q.at.Page+1, false
		token = c.pageToken(next)
	}
	records := make([][]byte, 0, len(page))
	for _, e := range page {
		records = append(records, render(e.at(who.now), who.account.id, reconciled))
	}
	c.sendPage(w, records, token)
}

// sendPage writes a page. Nothing at all is {}, and the end of the pages is told
// in three ways.
func (c *Cloud) sendPage(w http.ResponseWriter, records [][]byte, token string) {
	var body bytes.Buffer
	_ = body.WriteByte('{')
	if len(records) > 0 {
		_, _ = body.WriteString("\"dataPoints\": [\n    ")
		_, _ = body.Write(bytes.Join(records, []byte(",\n    ")))
		_, _ = body.WriteString("\n  ]")
	}
	end := []string{"", `"nextPageToken": ""`, `"nextPageToken": null`}[len(records)%3]
	if token != "" {
		end = `"nextPageToken": "` + token + `"`
	}
	if end != "" && len(records) > 0 {
		_, _ = body.WriteString(",\n  ")
	}
	_, _ = body.WriteString(end + "}\n")
	send(w, http.StatusOK, jsonType, body.Bytes())
}

// get is GET …/dataPoints/{id}.
func (c *Cloud) get(w http.ResponseWriter, r *http.Request, who caller) {
	p := checkPath(r, who, true)
	if p == nil {
		p = checkParameters(r.URL.Query())
	}
	if p != nil {
		refuse(w, *p)
		return
	}
	id := r.PathValue("id")
	if !clientMadeID.MatchString(id) {
		refuse(w, invalid("INVALID_DATA_POINT_NAME", "The name of the data point is invalid: "+id))
		return
	}
	e := who.account.find(id, who.now)
	if e == nil {
		refuse(w, notFound())
		return
	}
	send(w, http.StatusOK, jsonType, append(render(e.at(who.now), who.account.id, false), '\n'))
}
