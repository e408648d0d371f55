package web

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/web/respond"
)

const codeSlowBody = "body_timeout"

// errSlowBody has a status of its own, which no kind of failure has.
var errSlowBody = failure.New(failure.Unavailable, codeSlowBody, "the body did not arrive in time", nil)

// fail answers for err, unless an answer has begun, and logs what the answer
// does not tell.
func (s *Server) fail(c echo.Context, err error) {
	response := c.Response()
	if response.Committed {
		s.logFailure(c, err)
		return
	}
	var problem *echo.HTTPError
	switch {
	case errors.As(err, &problem):
		hangUp(c)
		failRouting(response, problem.Code)
		return
	case errors.Is(err, errSlowBody):
		respond.Problem(response, http.StatusRequestTimeout, codeSlowBody, errSlowBody.Error())
		return
	}
	if failure.KindOf(err) == failure.Unauthorized {
		response.Header().Set("WWW-Authenticate", `Bearer realm="parley"`)
	}
	if respond.Fail(response, err) >= http.StatusInternalServerError && !shed(err) {
		s.logFailure(c, err)
	}
}

func failRouting(w http.ResponseWriter, status int) {
	switch status {
	case http.StatusMethodNotAllowed:
		respond.Problem(w, status, "method_not_allowed", "method not allowed; see the Allow header")
	case http.StatusNotFound:
		respond.Problem(w, status, "not_found", "not found")
	default:
		respond.Problem(w, status, "bad_request", http.StatusText(status))
	}
}

func (s *Server) logFailure(c echo.Context, err error) {
	attrs := []slog.Attr{
		slog.String("request_id", c.Response().Header().Get(requestIDHeader)),
		slog.String("route", route(c)),
		slog.Any("error", err),
	}
	attrs = append(attrs, eventAttrs(c.Get(eventsKey))...)
	s.o.Logger.LogAttrs(c.Request().Context(), slog.LevelError, "http request failed", attrs...)
}
