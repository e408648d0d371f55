package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/platforms"
)

const (
	requestIDHeader = "X-Request-Id"
	maxRequestID    = 128 // characters
	// eventsKey is where a handler leaves the events of a request for the log.
	eventsKey = "parley.events"
)

// observe is the one layer around every handler: it gives the request its id
// and its deadline for the body, turns errors and panics into answers, and
// counts and logs the outcome.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := s.o.Now()
		request, response := c.Request(), c.Response()
		id := request.Header.Get(requestIDHeader)
		if !validRequestID(id) {
			id = s.o.NewID()
		}
		response.Header()[requestIDHeader] = []string{id}
		secure(response.Header())
		s.limitBodyTime(response, request)
		err := s.guard(next, c)
		if err != nil {
			s.fail(c, err)
		}
		s.count(c, start)
		s.log(c, start, err)
		return nil
	}
}

// secure sets the headers of every answer: what it holds is no page, is in no
// frame, and hands no address on. The pages say for themselves what they may do.
func secure(h http.Header) {
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Content-Security-Policy"] = []string{"default-src 'none'; frame-ancestors 'none'"}
	h["Referrer-Policy"] = []string{"no-referrer"}
}

func validRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for _, b := range []byte(id) {
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '.', b == '_', b == '-':
		default:
			return false
		}
	}
	return true
}

// guard calls next and turns a panic into an error.
func (s *Server) guard(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		reason := recover()
		if reason == nil {
			return
		}
		if cause, ok := reason.(error); ok && errors.Is(cause, http.ErrAbortHandler) {
			panic(reason) // net/http's own way to drop a connection
		}
		err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
	}()
	return next(c)
}

// route returns the pattern that matched, never the path itself.
func route(c echo.Context) string {
	if pattern := c.Request().Pattern; pattern != "" { // set by the admin's own mux
		_, path, found := strings.Cut(pattern, " ")
		if found {
			return path
		}
		return pattern
	}
	if c.Path() == "" {
		return "none"
	}
	return c.Path()
}

func (s *Server) count(c echo.Context, start time.Time) {
	status := c.Response().Status
	if status < 100 || status >= len(s.statuses) {
		status = http.StatusInternalServerError
	}
	s.o.Metrics.HTTPSeconds.WithLabelValues(method(c.Request().Method), route(c), s.statuses[status]).
		Observe(s.o.Now().Sub(start).Seconds())
}

// method keeps invented methods from becoming series.
func method(name string) string {
	switch name {
	case http.MethodGet, http.MethodPost, http.MethodHead, http.MethodDelete,
		http.MethodPut, http.MethodPatch, http.MethodOptions:
		return name
	}
	return "other"
}

func (s *Server) log(c echo.Context, start time.Time, err error) {
	ctx := c.Request().Context()
	level := slog.LevelDebug
	if c.Response().Status >= http.StatusInternalServerError && !shed(err) {
		level = slog.LevelInfo
	}
	if !s.o.Logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request_id", c.Response().Header().Get(requestIDHeader)),
		slog.String("method", c.Request().Method),
		slog.String("route", route(c)),
		slog.Int("status", c.Response().Status),
		slog.Duration("duration", s.o.Now().Sub(start)),
		slog.String("remote_ip", c.RealIP()),
	}
	attrs = append(attrs, eventAttrs(c.Get(eventsKey))...)
	if err != nil && level == slog.LevelDebug {
		attrs = append(attrs, slog.Any("error", err))
	}
	s.o.Logger.LogAttrs(ctx, level, "http request", attrs...)
}

func eventAttrs(events any) []slog.Attr {
	var ids []string
	userKey := ""
	switch events := events.(type) {
	case []inbox.Accepted:
		for i := range events {
			ids = append(ids, events[i].EventID)
			userKey = events[i].UserKey
		}
	case []platforms.Event:
		for i := range events {
			ids = append(ids, events[i].ID)
			userKey = events[i].UserKey()
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return []slog.Attr{slog.Any("event_ids", ids), slog.String("user_key", userKey)}
}
