package web

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/intake"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/web/conns"
	"github.com/parley-bot/parley/platforms"
)

// platformHook serves the one URL of a platform's app.
func (s *Server) platformHook(name string, receiver platforms.Receiver) echo.HandlerFunc {
	if receiver == nil {
		return func(c echo.Context) error {
			hangUp(c)
			return failure.New(failure.NotFound, "platform_off", name+" is not configured here", nil)
		}
	}
	return func(c echo.Context) error {
		in, accepted, err := s.take(c, name, receiver, false)
		if err != nil {
			return err
		}
		s.o.Gateway.Late(c.Request().Context(), &in, accepted)
		return answer(c, in.Answer)
	}
}

// take reads, verifies and stores one webhook. Once it has returned without an
// error, the webhook's events are durable.
func (s *Server) take(c echo.Context, name string, receiver platforms.Receiver, admitted bool) (platforms.Inbound, []inbox.Accepted, error) {
	start, ctx := s.o.Now(), c.Request().Context()
	in, err := s.receive(c, receiver, platforms.Request{Header: c.Request().Header, Source: name, Now: start, Admitted: admitted})
	if err != nil {
		s.o.Intake.Refuse(ctx, name, err)
		return in, nil, err
	}
	size := c.Request().ContentLength
	if size < 0 { // not told
		size = s.o.BodyLimit
	}
	_, program := s.o.Sources[name]
	accepted, err := s.o.Intake.Take(ctx, intake.Delivery{Source: name, Size: size, Arrived: start, Events: in.Events, OwnIDs: program})
	switch {
	case err != nil:
		c.Set(eventsKey, in.Events)
	case s.o.Logger.Enabled(ctx, slog.LevelDebug):
		c.Set(eventsKey, accepted)
	}
	return in, accepted, err
}

// receive reads and verifies a webhook; claim is what is known of it without its body.
func (s *Server) receive(c echo.Context, receiver platforms.Receiver, claim platforms.Request) (platforms.Inbound, error) {
	r, response := c.Request(), c.Response()
	in := s.unverified.begin(func() { _ = http.NewResponseController(response).SetReadDeadline(time.Unix(1, 0)) })
	defer in.end()
	if claim.Admitted {
		conns.Verified(r.Context())
		_ = in.keep() // nobody else has it yet
	}
	most, err := s.precheck(r, claim, receiver)
	if err != nil {
		hangUp(c)
		return platforms.Inbound{}, err
	}
	if claim.Body, err = s.readBody(c, in, most); err != nil {
		hangUp(c)
		return platforms.Inbound{}, err
	}
	verified, err := receiver.Receive(r.Context(), claim)
	if err == nil {
		conns.Verified(r.Context())
	}
	return verified, err
}

// precheck refuses what its headers condemn, and returns how long the body may be.
func (s *Server) precheck(r *http.Request, claim platforms.Request, receiver platforms.Receiver) (most int64, err error) {
	most = s.o.BodyLimit
	if r.ContentLength > most {
		return 0, s.tooLong(most)
	}
	checker, ok := receiver.(platforms.Prechecker)
	if !ok || claim.Admitted {
		return most, nil
	}
	limit, err := checker.Precheck(r.Header, claim.Now)
	if limit > 0 {
		most = min(most, limit)
	}
	if err == nil && r.ContentLength > most {
		err = s.tooLong(most)
	}
	return most, err
}

// answer gives a platform what it must get.
func answer(c echo.Context, a platforms.Answer) error {
	response := c.Response()
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	if a.ContentType != "" {
		response.Header().Set(echo.HeaderContentType, a.ContentType)
	}
	response.WriteHeader(a.Status)
	if len(a.Body) > 0 {
		_, _ = response.Write(a.Body) // the event is stored; a lost answer is sent again
	}
	return nil
}

// underway returns a context that ends with the request, after limit, or when
// the server stops.
func (s *Server) underway(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	release := context.AfterFunc(s.stopping, cancel)
	return ctx, func() { release(); cancel() }
}
