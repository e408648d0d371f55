package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/parley-bot/parley/gateway"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/signin"
	"github.com/parley-bot/parley/internal/web/respond"
	"github.com/parley-bot/parley/platforms"
)

// defaultSource serves the paths that name no source.
const defaultSource = "generic"

// receipt says that an event is stored.
type receipt struct {
	Status   string   `json:"status"`
	EventID  string   `json:"event_id"`
	UserKey  string   `json:"user_key"`
	Warnings []string `json:"warnings,omitempty"` // of fields that mean nothing
}

// taken is an event that is stored, and what is to be said of its body.
type taken struct {
	inbox.Accepted

	warnings []string
}

// result is a final state. Error is there only when there is no reply.
type result struct {
	Status   string               `json:"status"`
	EventID  string               `json:"event_id"`
	UserKey  string               `json:"user_key"`
	Reply    *gateway.Reply       `json:"reply"`
	Error    *gateway.StatusError `json:"error,omitempty"`
	Warnings []string             `json:"warnings,omitempty"`
}

func (t taken) result(st gateway.Status) result {
	return result{Status: st.Status, EventID: st.EventID, UserKey: st.UserKey, Reply: st.Reply, Error: st.Error, Warnings: t.warnings}
}

// errNoProof is the answer to who asks for a source that is not there: the one
// of a source that is, so that nobody learns their names.
var errNoProof = failure.New(failure.Unauthorized, "unsigned", platforms.HowToProve, nil)

// source returns the source that a request names and whether a token which
// opens it came along; else its signature has to.
func (s *Server) source(c echo.Context) (name string, source Source, admitted bool, err error) {
	if name = c.Param("source"); name == "" {
		name = defaultSource
	}
	source, ok := s.o.Sources[name]
	switch {
	case ok:
		return name, source, s.admits(c.Request(), source), nil
	case s.o.Door.Bearer(c.Request()):
		return "", nil, false, failure.New(failure.NotFound, "unknown_source", "there is no webhook source with this name", nil)
	default:
		return "", nil, false, errNoProof
	}
}

// admits reports whether the token of a request opens a source. Where there may
// be a signature, that decides: a bearer that some gateway on the way has added
// is no guess at the admin token.
func (s *Server) admits(r *http.Request, source Source) bool {
	token := signin.Bearer(r.Header)
	if token == "" || source.Opens(token) {
		return token != ""
	}
	if checker, ok := source.(platforms.Prechecker); ok {
		if _, err := checker.Precheck(r.Header, s.o.Now()); err == nil {
			return false
		}
	}
	return s.o.Door.Bearer(r)
}

// genericHook takes one event and answers in the way the caller prefers: with
// a receipt, with the reply when it comes in time, or with a stream.
func (s *Server) genericHook(c echo.Context) error {
	name, source, admitted, err := s.source(c)
	if err != nil {
		hangUp(c)
		return err
	}
	in, accepted, err := s.take(c, name, source, admitted)
	if err != nil {
		return err
	}
	if len(accepted) == 0 {
		return answer(c, in.Answer)
	}
	event := taken{accepted[0], in.Warnings}
	header := c.Request().Header
	wait, waits := preferredWait(header.Values("Prefer"))
	if waits {
		c.Response().Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait/time.Second)))
	}
	switch {
	case wantsStream(header.Values("Accept")):
		if !waits {
			wait = streamTime
		}
		return s.stream(c, event, wait)
	case waits:
		return s.waitForReply(c, event, wait)
	default:
		return s.receipt(c, event)
	}
}

// receipt answers 202 and says where the state can be asked for.
func (s *Server) receipt(c echo.Context, event taken) error {
	c.Response().Header().Set("Location", statusPath(event.Accepted))
	respond.JSON(c.Response(), http.StatusAccepted, receipt{
		Status: gateway.StatusAccepted, EventID: event.EventID, UserKey: event.UserKey, Warnings: event.warnings,
	})
	return nil
}

func statusPath(event inbox.Accepted) string {
	path := "/webhooks/generic/"
	if event.Platform != defaultSource {
		path += url.PathEscape(event.Platform) + "/"
	}
	return path + "events/" + url.PathEscape(event.EventID)
}

// waitForReply answers 200 with the final state (completed, or ignored or dead
// with the reason), else the receipt: the event is stored whatever the waiting
// came to.
func (s *Server) waitForReply(c echo.Context, event taken, limit time.Duration) error {
	ctx, cancel := s.underway(c.Request().Context(), limit)
	defer cancel()
	st, err := s.o.Gateway.Wait(ctx, event.Accepted, nil)
	if err != nil {
		s.logWaiting(c, event.Accepted, err)
		return s.receipt(c, event)
	}
	if !st.Final() {
		return s.receipt(c, event)
	}
	respond.JSON(c.Response(), http.StatusOK, event.result(st))
	return nil
}

// stream answers with server-sent events: delta while the reply grows, then
// done, or error when there is none (yet).
func (s *Server) stream(c echo.Context, event taken, limit time.Duration) error {
	stream := respond.NewStream(c.Response())
	c.Response().Header().Set("Content-Location", statusPath(event.Accepted))
	if stream.Start() != nil {
		return nil // the client is gone; the event is answered all the same
	}
	ctx, cancel := s.underway(c.Request().Context(), limit)
	defer cancel()
	stop := stream.KeepAlive(ctx, s.o.KeepAlive)
	st, err := s.o.Gateway.Wait(ctx, event.Accepted, func(text string) {
		if stream.Send("delta", delta{text}) != nil {
			cancel()
		}
	})
	stop()
	if err != nil {
		s.logWaiting(c, event.Accepted, err)
	}
	// Nobody is left to tell when this fails.
	_ = sendEnd(stream, event, st, err)
	return nil
}

type delta struct {
	Text string `json:"text"`
}

// streamError ends a stream without a reply.
type streamError struct {
	Error   gateway.StatusError `json:"error"`
	Status  string              `json:"status"`
	EventID string              `json:"event_id"`
	UserKey string              `json:"user_key"`
}

func sendEnd(stream *respond.Stream, event taken, st gateway.Status, err error) error {
	if err == nil && st.Status == gateway.StatusCompleted {
		return stream.Send("done", event.result(st))
	}
	end := streamError{Status: gateway.StatusAccepted, EventID: event.EventID, UserKey: event.UserKey}
	end.Error = gateway.StatusError{
		Code:    "timeout",
		Message: "the reply is not ready yet; get it later from " + statusPath(event.Accepted),
	}
	if err == nil && st.Final() {
		end.Status = st.Status
		end.Error = reasonOf(st)
	}
	return stream.Send("error", end)
}

func reasonOf(st gateway.Status) gateway.StatusError {
	if st.Error != nil {
		return *st.Error
	}
	return gateway.StatusError{Code: st.Status, Message: "this event gets no reply"}
}

// logWaiting mentions a wait that failed for another reason than its time.
func (s *Server) logWaiting(c echo.Context, event inbox.Accepted, err error) {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return
	}
	s.o.Logger.WarnContext(c.Request().Context(), "waiting for a reply failed",
		slog.String("request_id", c.Response().Header().Get(requestIDHeader)),
		slog.String("event_id", event.EventID), slog.String("user_key", event.UserKey), slog.Any("error", err))
}

// genericStatus tells what became of an event, to who can sign its id for its
// source or shows a token that opens it.
func (s *Server) genericStatus(c echo.Context) error {
	name, source, admitted, err := s.source(c)
	if err != nil {
		return err
	}
	r := c.Request()
	id := c.Param("event")
	if r.URL.RawPath != "" { // echo matched the escaped path and leaves it so
		if id, err = url.PathUnescape(id); err != nil {
			return failure.New(failure.Invalid, "invalid_event_id", "the event id is not properly escaped", err)
		}
	}
	err = source.VerifyStatus(platforms.Request{Header: r.Header, Source: name, Now: s.o.Now(), Admitted: admitted}, id)
	if err != nil {
		return err
	}
	st, err := s.o.Gateway.Status(r.Context(), name, id)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	respond.JSON(c.Response(), http.StatusOK, st)
	return nil
}
