package rest

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/stridelog/stridelog/services/gateway/internal/contract"
)

// answerHead lets HEAD ask for whatever GET gives, by the same handlers: the server keeps
// the body back. A GET that does something, as a step of a consent, has no HEAD: whoever
// only looks, such as a link checker, must not take the step.
func answerHead(router *gin.Engine, guarded *gin.RouterGroup, rules contract.Contract) {
	for _, route := range router.Routes() {
		o := rules[http.MethodGet+" "+route.Path]
		switch {
		case route.Method != http.MethodGet || o != nil && o.Acts:
		case o == nil: // the bare address
			router.HEAD(route.Path, route.HandlerFunc)
		default:
			rules[http.MethodHead+" "+route.Path] = o
			guarded.HEAD(route.Path, route.HandlerFunc)
		}
	}
}
