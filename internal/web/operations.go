package web

import (
	"context"
	"net"
	"net/http"
	"net/http/pprof"

	"github.com/labstack/echo/v4"

	"github.com/parley-bot/parley/internal/failure"
)

// operatorConnections is how many connections the listener for operators has.
const operatorConnections = 64

var (
	errMetrics = failure.New(failure.Unauthorized, "unauthorized",
		"send Authorization: Bearer with the admin token, or use server.operations_listen, which needs no token", nil)
	errProfile = failure.New(failure.Unauthorized, "unauthorized", "send Authorization: Bearer with the admin token", nil)
)

func reading() []string { return []string{http.MethodGet, http.MethodHead} }

// operationRoutes are those of the listener for operators. Who reaches it is
// told how things are; what is in memory, secrets too, only with the token.
func (s *Server) operationRoutes() {
	e := s.operations
	e.Match(reading(), "/healthz", s.health)
	e.Match(reading(), "/readyz", s.readinessDetail)
	e.Match(reading(), "/metrics", echo.WrapHandler(s.o.Metrics.Handler()))
	for path, handler := range map[string]http.HandlerFunc{
		"/debug/pprof/*":       pprof.Index,
		"/debug/pprof/cmdline": pprof.Cmdline,
		"/debug/pprof/profile": pprof.Profile,
		"/debug/pprof/symbol":  pprof.Symbol,
		"/debug/pprof/trace":   pprof.Trace,
	} {
		e.Match(reading(), path, s.withToken(errProfile, echo.WrapHandler(handler)))
	}
}

// withToken lets only who shows the admin token through.
func (s *Server) withToken(refused error, next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !s.o.Door.Bearer(c.Request()) {
			return refused
		}
		return next(c)
	}
}

// metrics are for who shows the admin token.
func (s *Server) metrics(c echo.Context) error {
	return s.withToken(errMetrics, echo.WrapHandler(s.o.Metrics.Handler()))(c)
}

// ListenOperations opens an address for operators.
func (s *Server) ListenOperations(ctx context.Context, address string) (net.Listener, error) {
	return listen(ctx, address, s.operators)
}

// ServeOperations answers operators on listener until ctx ends.
func (s *Server) ServeOperations(ctx context.Context, listener net.Listener) error {
	return s.serve(ctx, listener, s.operations, s.operators, func() {})
}
