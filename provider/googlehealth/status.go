package googlehealth

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/stridelog/stridelog/events/rawjson"
)

// status is what an error answer says: google.rpc.Status of the data API (section
// 7), or the words of RFC 6749 of the token endpoint. Nothing of it leaves the
// package but a word of knownWord.
type status struct {
	reason  string
	message string
	// limitOfProject says that a 429 names a limit of the whole project.
	limitOfProject bool
}

// readStatus reads an error answer. isJSON is false for anything that is not an
// object: HTML, text, a cut-off answer.
func readStatus(body []byte) (s status, isJSON bool) {
	var outer struct {
		Error   json.RawMessage `json:"error"`
		Subtype string          `json:"error_subtype"`
	}
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) || json.Unmarshal(body, &outer) != nil {
		return status{}, false
	}
	if json.Unmarshal(outer.Error, &s.reason) == nil {
		if outer.Subtype == "invalid_rapt" {
			s.reason = outer.Subtype
		}
		return s, true
	}
	var inner struct {
		Message string            `json:"message"`
		Details []json.RawMessage `json:"details"`
	}
	if json.Unmarshal(outer.Error, &inner) != nil {
		return s, true
	}
	s.message = inner.Message
	for _, raw := range inner.Details {
		var info struct {
			Reason   string          `json:"reason"`
			Metadata json.RawMessage `json:"metadata"`
		}
		if json.Unmarshal(raw, &info) == nil && info.Reason != "" {
			limit, _ := rawjson.Text(object(info.Metadata)["quota_limit"])
			s.reason = info.Reason
			s.limitOfProject = strings.Contains(limit, "PerProject") && !strings.Contains(limit, "PerUser")
			break
		}
	}
	return s, true
}

// knownWord gives back the reasons that Google documents (sections 2 and 7) and
// drops every other text: the catalogue grows, and an answer can quote a token.
func knownWord(word string) string {
	switch word {
	case "ACCOUNT_NOT_LINKED",
		"INVALID_DATA_POINT_FILTER", "INVALID_DATA_POINT_FILTER_SYNTAX", "INVALID_DATA_POINT_FILTER_MISSING_TOKEN",
		"INVALID_DATA_POINT_FILTER_EXPRESSION_STRUCTURE", "INVALID_DATA_POINT_FILTER_RESTRICTION_COMPARATOR",
		"INVALID_DATA_POINT_FILTER_DATA_TYPE_MEMBER", "INVALID_DATA_POINT_FILTER_COLLECTION_MISMATCH",
		"INVALID_DATA_POINT_FILTER_MIXED_TIME_RESTRICTIONS", "INVALID_DATA_POINT_FILTER_TIMESTAMP_FORMAT",
		"INVALID_DATA_POINT_FILTER_CIVIL_DATE_TIME_FORMAT", "INVALID_TIME_RANGE", "INVALID_FILTER_FORMAT",
		"INVALID_PARENT_DATA_TYPE_COLLECTION", "INVALID_DATA_TYPE", "UNSUPPORTED_DATA_TYPE_ACTION",
		"INVALID_PAGE_SIZE", "INVALID_PAGE_TOKEN", "INVALID_DATA_POINT_DATA_SOURCE_FAMILY", "INVALID_DATA_POINT_NAME",
		"MISSING_OAUTH_SCOPE", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "ACCESS_TOKEN_EXPIRED",
		"RESOURCE_PERMISSION_DENIED", "DATA_ACCESS_DENIED",
		"API_PRIVATE_PREVIEW_ACCESS_DENIED", "SERVICE_DISABLED", "DISALLOWED_OAUTH_SCOPES",
		"RESOURCE_NOT_FOUND", "RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED", "INTERNAL_ERROR", "UNAVAILABLE",
		"invalid_grant", "invalid_rapt", "invalid_token", "invalid_client", "unauthorized_client", "deleted_client", "disabled_client",
		"invalid_request", "invalid_scope", "unsupported_grant_type", "access_denied", "admin_policy_enforced", "org_internal",
		"redirect_uri_mismatch", "rate_limit_exceeded", "server_error", "temporarily_unavailable":
		return word
	default:
		return ""
	}
}

// aboutFilter says whether a refusal is about the filter of a list.
func aboutFilter(reason string) bool {
	return strings.HasPrefix(reason, "INVALID_DATA_POINT_FILTER") || reason == "INVALID_TIME_RANGE" || reason == "INVALID_FILTER_FORMAT"
}
