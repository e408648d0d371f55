package web

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/internal/web/conns"
	"github.com/parley-bot/parley/platforms"
)

// platformSeries are the metrics of one platform, looked up once.
type platformSeries struct {
	accepted, duplicate, ignored, rejected, failed prometheus.Counter
	ack                                            prometheus.Observer
}

func seriesOf(o *Options) map[string]*platformSeries {
	all := map[string]*platformSeries{
		"slack":  newSeries(o.Metrics, "slack"),
		"feishu": newSeries(o.Metrics, "feishu"),
	}
	for name := range o.Sources {
		all[name] = newSeries(o.Metrics, name)
	}
	return all
}

func newSeries(m *metrics.Metrics, platform string) *platformSeries {
	outcome := func(name string) prometheus.Counter { return m.Webhooks.WithLabelValues(platform, name) }
	return &platformSeries{
		accepted: outcome("accepted"), duplicate: outcome("duplicate"), ignored: outcome("ignored"),
		rejected: outcome("rejected"), failed: outcome("failed"),
		ack: m.AckSeconds.WithLabelValues(platform),
	}
}

// platformHook serves the one URL of Slack or Feishu.
func (s *Server) platformHook(name string, receiver platforms.Receiver) echo.HandlerFunc {
	if receiver == nil {
		return func(echo.Context) error {
			return failure.New(failure.NotFound, "platform_off", name+" is not set up here", nil)
		}
	}
	return func(c echo.Context) error {
		in, _, err := s.take(c, name, receiver, false)
		if err != nil {
			return err
		}
		return answer(c, in.Answer)
	}
}

// take reads, verifies and stores one webhook. Once it has returned without an
// error, the webhook's events are durable.
func (s *Server) take(c echo.Context, name string, receiver platforms.Receiver, admitted bool) (platforms.Inbound, []inbox.Accepted, error) {
	start, series := s.o.Now(), s.platforms[name]
	in, err := s.receive(c, receiver, platforms.Request{Header: c.Request().Header, Source: name, Now: start, Admitted: admitted})
	if err != nil {
		s.refuse(c, name, err)
		return in, nil, err
	}
	if len(in.Events) == 0 {
		series.ignored.Inc()
		return in, nil, nil
	}
	accepted, err := s.accept(c, name, in.Events)
	if _, program := s.o.Sources[name]; err == nil && program && accepted[0].Differs {
		err = errReused // programs choose their ids; what a platform repeats is a repeat
	}
	if err != nil {
		s.refuse(c, name, err)
		return in, nil, err
	}
	series.ack.Observe(s.o.Now().Sub(start).Seconds())
	series.outcome(in.Events, accepted).Inc()
	return in, accepted, nil
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

func (s *Server) accept(c echo.Context, name string, events []platforms.Event) ([]inbox.Accepted, error) {
	ctx := c.Request().Context()
	size := c.Request().ContentLength
	if size < 0 { // not told
		size = s.o.BodyLimit
	}
	leave, err := s.backlog.enter(name, size)
	if err != nil {
		return nil, err
	}
	defer leave()
	accepted, err := s.o.Gateway.Accept(ctx, events)
	if err != nil {
		c.Set(eventsKey, events)
		return nil, notStored(err)
	}
	if s.o.Logger.Enabled(ctx, slog.LevelDebug) {
		c.Set(eventsKey, accepted)
	}
	return accepted, nil
}

// notStored makes sure that what is not stored is sent again, unless it is the
// sender's own fault.
func notStored(err error) error {
	switch failure.KindOf(err) {
	case failure.Invalid, failure.TooLarge, failure.Unavailable:
		return err
	default:
		return failure.New(failure.Unavailable, "not_stored", "the event could not be stored; please send it again", err)
	}
}

func (s *Server) refuse(c echo.Context, platform string, err error) {
	switch failure.KindOf(err) {
	case failure.Invalid, failure.Unauthorized, failure.TooLarge, failure.NotFound, failure.Conflict:
		s.platforms[platform].rejected.Inc()
	default:
		s.platforms[platform].failed.Inc()
	}
	s.refusals.note(c.Request().Context(), platform, err)
}

// outcome returns the counter for a stored webhook: the best that can be said
// of any of its events.
func (p *platformSeries) outcome(events []platforms.Event, accepted []inbox.Accepted) prometheus.Counter {
	ignored := true
	for i := range events {
		ignored = ignored && events[i].Ignore != ""
	}
	fresh := false
	for i := range accepted {
		fresh = fresh || !accepted[i].Duplicate
	}
	switch {
	case !fresh:
		return p.duplicate
	case ignored:
		return p.ignored
	default:
		return p.accepted
	}
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
