package web

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/parley-bot/parley/gateway"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/web/respond"
)

// readyTimeout is how long the check of readiness may take.
const readyTimeout = 5 * time.Second

type healthBody struct {
	Status string               `json:"status"` // "ok", "ready" or "unavailable"
	Error  *respond.ErrorDetail `json:"error,omitempty"`
	// Detail is for operators: dead events or an open circuit do not make the
	// server unable to serve.
	Detail *gateway.Health `json:"detail,omitempty"`
	// Connections are there for operators. One that has failed does not make the
	// server unable to serve either.
	Connections *[]Connection `json:"connections,omitempty"`
	// Removed are apps that their platform has taken away.
	Removed []Removal `json:"removed,omitempty"`
}

// Connection is how an app is connected whose events come without a public address.
type Connection struct {
	Platform string `json:"platform"`
	App      string `json:"app"`   // its name in the configuration; "" = the first one
	Mode     string `json:"mode"`  // of the platform: socket, websocket
	State    string `json:"state"` // connecting, connected, or failed for good
	Open     int    `json:"open"`
	Error    string `json:"error"`
}

// Removal is an app that can send nothing to a tenant any more.
type Removal struct {
	Platform string `json:"platform"`
	Tenant   string `json:"tenant"` // "" = all of them
	Reason   string `json:"reason"`
}

// health says that the process answers.
func (s *Server) health(c echo.Context) error {
	respond.JSON(c.Response(), http.StatusOK, healthBody{Status: "ok"})
	return nil
}

// readiness says whether a webhook would be taken now, and more to who shows
// the admin token.
func (s *Server) readiness(c echo.Context) error {
	if s.o.Door.Bearer(c.Request()) {
		return s.readinessDetail(c)
	}
	if s.ready(c.Request().Context()) == nil {
		respond.JSON(c.Response(), http.StatusOK, healthBody{Status: "ready"})
		return nil
	}
	return notReady(c, errNotReady)
}

// readinessDetail also says why not, and how much there is to do.
func (s *Server) readinessDetail(c echo.Context) error {
	if err := s.ready(c.Request().Context()); err != nil {
		return notReady(c, err)
	}
	body := healthBody{Status: "ready", Detail: s.detail(c.Request().Context())}
	if s.o.Listeners != nil {
		all := s.o.Listeners()
		body.Connections = &all
	}
	if s.o.Removed != nil {
		body.Removed = s.o.Removed()
	}
	respond.JSON(c.Response(), http.StatusOK, body)
	return nil
}

var errNotReady = failure.New(failure.Unavailable, "unavailable", "events cannot be accepted right now", nil)

func notReady(c echo.Context, err error) error {
	c.Response().Header().Set("Retry-After", "1")
	respond.JSON(c.Response(), http.StatusServiceUnavailable, healthBody{
		Status: "unavailable",
		Error:  &respond.ErrorDetail{Code: failure.CodeOf(err), Message: failure.SafeOf(err)},
	})
	return nil
}

// detail is nil where it cannot be had now.
func (s *Server) detail(ctx context.Context) *gateway.Health {
	if s.o.Health == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	h, err := s.o.Health(ctx)
	if err != nil {
		return nil
	}
	return &h
}

func (s *Server) ready(ctx context.Context) error {
	if s.stopping.Err() != nil {
		return failure.New(failure.Unavailable, "stopping", "the server is stopping", nil)
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	return s.o.Ready(ctx)
}
