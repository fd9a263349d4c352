package pages

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// Wanted says whether a request prefers a page to JSON, as a browser's does: text/html
// stands in its Accept header by name, and nothing of JSON stands before it. A client
// that takes anything gets JSON.
func Wanted(h http.Header) bool {
	page, data := 0.0, 0.0
	for _, line := range h.Values("Accept") {
		for one := range strings.SplitSeq(line, ",") {
			media, params, err := mime.ParseMediaType(one)
			if err != nil {
				continue
			}
			weight := 1.0
			if text, given := params["q"]; given {
				if weight, err = strconv.ParseFloat(text, 64); err != nil {
					continue
				}
			}
			switch media {
			case "text/html", "application/xhtml+xml":
				page = max(page, weight)
			case "application/json", "application/problem+json":
				data = max(data, weight)
			}
		}
	}
	return page > data
}
