package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/parley-bot/parley/internal/web/conns"
)

const (
	idleTimeout = 2 * time.Minute
	// writeTimeout ends an answer that nobody reads. It is longer than a body
	// may take to arrive and a reply may be waited for, together; an event
	// stream moves its own deadline.
	writeTimeout = 3 * time.Minute
	// maxHeaderBytes is what each of very many strangers may make us keep.
	maxHeaderBytes = 16 << 10
)

// Server is the HTTP side of the program.
type Server struct {
	o Options

	echo       *echo.Echo
	operations *echo.Echo // of the listener for operators
	conns      *conns.Limit
	operators  *conns.Limit // connections of their own, for when the others are used up
	// What comes in is bounded twice: here until it is known to be genuine, and
	// from then on by the intake until it is stored.
	unverified *unverified
	statuses   [600]string // "404" without an allocation
	// stopping ends when the server begins to stop: who waits for a reply is
	// told to ask later.
	stopping context.Context //nolint:containedctx // a signal with AfterFunc, not passed on
	stop     context.CancelFunc
}

// New returns a server that is not listening yet.
func New(o Options) (*Server, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s := &Server{o: o, echo: echo.New(), operations: echo.New()}
	s.stopping, s.stop = context.WithCancel(context.Background()) //nolint:gosec // G118: Stop calls it
	for _, e := range []*echo.Echo{s.echo, s.operations} {
		s.setUp(e)
	}
	for status := range s.statuses {
		s.statuses[status] = fmt.Sprint(status)
	}
	s.conns = conns.New(conns.Options{Max: s.o.Connections, Logger: s.o.Logger})
	s.operators = conns.New(conns.Options{Max: operatorConnections, Logger: s.o.Logger})
	s.unverified = &unverified{limit: s.o.Unverified}
	s.routes()
	s.operationRoutes()
	return s, nil
}

func (s *Server) setUp(e *echo.Echo) {
	e.IPExtractor = func(r *http.Request) string { return s.o.Proxies.Address(r).String() }
	e.HTTPErrorHandler = func(err error, c echo.Context) { s.fail(c, err) }
	e.Use(s.observe)
}

func (s *Server) routes() {
	e := s.echo
	for name, receiver := range s.o.Receivers {
		e.POST("/webhooks/"+strings.Replace(name, ".", "/", 1), s.platformHook(name, receiver))
	}
	e.POST("/webhooks/generic", s.genericHook)
	e.POST("/webhooks/generic/:source", s.genericHook)
	e.GET("/webhooks/generic/events/:event", s.genericStatus)
	e.GET("/webhooks/generic/:source/events/:event", s.genericStatus)

	for path, handler := range map[string]echo.HandlerFunc{
		"/healthz": s.health,
		"/readyz":  s.readiness,
		"/metrics": s.metrics,
	} {
		e.Match(reading(), path, handler)
	}
	if s.o.Admin == nil {
		return
	}
	for _, path := range []string{"/", "/login", "/logout", "/static/*", "/chat/*", "/admin/*", "/api/v1/*"} {
		e.RouteNotFound(path, s.pages) // for every method: the handler knows its own
	}
}

// pages hands a request to the pages and the API. The streams of the chat page
// end when the server stops.
func (s *Server) pages(c echo.Context) error {
	r := c.Request()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if strings.HasPrefix(r.URL.Path, "/chat/") {
		defer context.AfterFunc(s.stopping, cancel)()
	}
	r = r.WithContext(ctx)
	if r.ContentLength != 0 {
		body := &timedBody{ReadCloser: r.Body, w: c.Response()}
		c.Response().Before(func() { // who is refused is not read to the end first
			if c.Response().Status >= http.StatusBadRequest && !body.ended {
				hangUp(c)
			}
		})
		r.Body = body
	}
	c.SetRequest(r)
	s.o.Admin.ServeHTTP(c.Response(), r)
	return nil
}

// Listen opens the configured address.
func (s *Server) Listen(ctx context.Context) (net.Listener, error) {
	return listen(ctx, s.o.Listen, s.conns)
}

func listen(ctx context.Context, address string, limit *conns.Limit) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return limit.Listen(listener), nil
}

// Serve answers on listener until ctx ends. Then it accepts nothing more,
// tells who waits for a reply to ask later, and gives running requests
// [Options.Grace] before it closes their connections, which is an error. A
// server that has been stopped does not serve again.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	return s.serve(ctx, listener, s.echo, s.conns, s.stop)
}

// serve answers until ctx ends; stop is called first then.
func (s *Server) serve(ctx context.Context, listener net.Listener, handler http.Handler, limit *conns.Limit, stop func()) error {
	requests, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: s.o.HeaderTimeout,
		IdleTimeout:       idleTimeout,
		WriteTimeout:      writeTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.o.Logger.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return requests },
		ConnContext:       limit.Context,
		ConnState:         limit.State,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		stop()
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	stop()
	err := s.shutdown(ctx, server)
	abort()
	if closed := <-served; !errors.Is(closed, http.ErrServerClosed) {
		err = errors.Join(err, closed)
	}
	return err
}

func (s *Server) shutdown(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.Grace)
	defer cancel()
	err := server.Shutdown(ctx)
	if err == nil {
		return nil
	}
	if closing := server.Close(); closing != nil && !errors.Is(closing, net.ErrClosed) {
		err = errors.Join(err, closing)
	}
	return fmt.Errorf("requests were still running when the shutdown grace of %s ended: %w", s.o.Grace, err)
}
