package rest

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/stridelog/stridelog/provider"
	"github.com/stridelog/stridelog/services/gateway/internal/problem"
)

const notificationsPath = "/api/v1/providers/:provider/notifications"

// receiveNotification answers a provider that tells of changes, or that asks whether
// this address is its app's. What is signed is the body as it came, so nothing else may
// read it.
func (s *server) receiveNotification(c *gin.Context) {
	told, err := s.takeNotification(c, c.Param("provider"))
	if err != nil {
		refuse(c, err)
		return
	}
	if len(told.Body) == 0 {
		c.Status(told.Answer)
		c.Writer.WriteHeaderNow()
		return
	}
	// A challenge is given back as it came, so no browser may take it for a page.
	c.Header("X-Content-Type-Options", "nosniff")
	c.Data(told.Answer, answerType(told.ContentType), told.Body)
}

// answerType is the media type of a connector's answer, of those that run nothing.
func answerType(media string) string {
	switch base, _, _ := mime.ParseMediaType(media); base {
	case "application/json", "text/plain":
		return media
	default:
		return "application/octet-stream"
	}
}

func (s *server) takeNotification(c *gin.Context, name string) (told provider.Notification, err error) {
	if err := s.known(name); err != nil {
		return told, err
	}
	reader := s.o.Notifications[name]
	if reader == nil {
		return told, problem.New(http.StatusNotFound, problem.CodeNotFound,
			"Notifications of this provider are not set up here: `stridelog doctor "+name+"` says how, where the provider has any.")
	}
	body, err := io.ReadAll(io.LimitReader(c.Request.Body, provider.MaxNotification+1))
	if err != nil {
		return told, problem.InvalidField("body", "ended early").Because(err)
	}
	query, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return told, problem.InvalidField("query", "is not well-formed").Because(err)
	}
	method := c.Request.Method
	if method == http.MethodHead { // as some providers test an address
		method = http.MethodGet
	}
	told, err = reader.Read(c, provider.NotificationRequest{Method: method, Query: query, Header: c.Request.Header, Body: body})
	if err != nil {
		return told, s.refusedNotification(c, name, err)
	}
	if c.Request.Method == http.MethodHead { // nobody tells of changes by it
		return told, nil
	}
	asked, err := s.notifications.Request(c, name, told.Changes)
	if err != nil {
		return told, err
	}
	s.o.Log.InfoContext(c, "a notification was taken", "provider", name, "changes", len(told.Changes), "syncs", asked)
	return told, nil
}

// refusedNotification words why a request was not taken. Who is not the provider
// learns nothing of what is wrong with it; the log does.
func (s *server) refusedNotification(c *gin.Context, name string, err error) error {
	var failure *provider.Error
	if !errors.As(err, &failure) {
		return err
	}
	s.o.Log.WarnContext(c, "a notification was refused", "provider", name, "class", failure.Class, "reason", failure.Reason)
	part := "body"
	if c.Request.Method != http.MethodPost {
		part = "query"
	}
	switch failure.Class {
	case provider.ClassUnauthorized:
		return problem.New(http.StatusUnauthorized, problem.CodeUnauthorized, "The request does not prove that it comes from the provider.").Because(err)
	case provider.ClassTooLarge:
		return problem.New(http.StatusRequestEntityTooLarge, problem.CodeTooLarge, "The notification is too large: send less at a time.").Because(err)
	case provider.ClassBadRequest:
		return problem.InvalidField(part, "is no notification of this provider").Because(err)
	default:
		return problem.Unavailable("The notification could not be checked: send it again.", err)
	}
}
