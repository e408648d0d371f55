package slack

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/parley-bot/parley/internal/lenient"

	slackgo "github.com/slack-go/slack"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/socket"
)

const (
	// socketConnections are two, so that events come while Slack replaces one.
	socketConnections = 2
	// socketPing is how often we ask whether Slack is there; it asks us as well.
	socketPing = 20 * time.Second
)

// Socket is Socket Mode: Slack's events over connections that we open.
// Source: https://docs.slack.dev/apis/events-api/using-socket-mode
type Socket struct {
	*socket.Link

	adapter  *Adapter
	appToken string
}

var _ platforms.Source = (*Socket)(nil)

// NewSocket returns Socket Mode for an adapter, with the app-level token
// (xapp-…) of its app. It does not call Slack.
func NewSocket(a *Adapter, appToken string) *Socket {
	s := &Socket{adapter: a, appToken: appToken}
	s.Link = socket.New(s, socketConnections, a.log.With(slog.String("platform", a.name)))
	return s
}

// Probe implements [platforms.Source].
func (s *Socket) Probe(ctx context.Context) error {
	_, err := s.address(ctx)
	return err
}

// Connect implements [socket.Protocol].
func (s *Socket) Connect(ctx context.Context) (*socket.Conn, socket.Session, error) {
	address, err := s.address(ctx)
	if err != nil {
		return nil, nil, err
	}
	conn, err := socket.Dial(ctx, address, func(resp *http.Response) error {
		return failure.New(failure.Retry, "handshake_refused", "Slack refuses the connection: "+resp.Status, nil)
	})
	if err != nil {
		return nil, nil, err
	}
	return conn, (*socketSession)(s), nil
}

// address asks Slack where to connect to; each address is good for one connection.
// Source: https://docs.slack.dev/reference/methods/apps.connections.open
func (s *Socket) address(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	const method = "apps.connections.open"
	x := s.adapter.exchange(method)
	client := slackgo.New("", slackgo.OptionAppLevelToken(s.appToken), slackgo.OptionAPIURL(s.adapter.api.String()), slackgo.OptionHTTPClient(x))
	_, address, err := client.StartSocketModeContext(ctx)
	if err != nil {
		err = x.classify(err)
		if code := failure.CodeOf(err); endsForGood(code) {
			return "", failure.New(failure.Permanent, code, "Slack refuses the app token: "+code, errors.Unwrap(err))
		}
		return "", failure.RetryAfter(failure.WaitOf(err), failure.CodeOf(err), method+": "+failure.SafeOf(err), errors.Unwrap(err))
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "wss" && (u.Scheme != "ws" || s.adapter.api.Scheme != "http") {
		return "", failure.New(failure.Retry, "no_address", method+" returned no address to connect to", nil)
	}
	return address, nil
}

// endsForGood reports whether an error code says that no later attempt can do
// better: an admin has to act.
func endsForGood(code string) bool {
	switch code {
	case "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type",
		"missing_scope", "no_permission", "access_denied", "link_disabled", "too_many_websockets":
		return true
	}
	return false
}

// socketSession reads one connection; all are alike.
type socketSession Socket

// Ping implements [socket.Session].
func (*socketSession) Ping() (m socket.Message, every time.Duration) { return m, socketPing }

// socketMessage is whatever Slack writes. An envelope is known by its id alone,
// so that what has a type that nobody knows is acknowledged as well.
type socketMessage struct {
	Type       string          `json:"type"`
	Reason     string          `json:"reason"`
	EnvelopeID string          `json:"envelope_id"`
	Payload    json.RawMessage `json:"payload"`
}

// Read implements [socket.Session].
func (s *socketSession) Read(ctx context.Context, message []byte) (socket.Frame, error) {
	var m socketMessage
	if err := lenient.Decode(message, &m); err != nil {
		return socket.Frame{In: &platforms.Inbound{Fault: invalidBody(err)}}, nil // nobody knows what to acknowledge
	}
	switch {
	case m.EnvelopeID != "":
		in := s.inbound(ctx, &m)
		return socket.Frame{In: &in, Ack: m.ack}, nil
	case m.Type == "hello":
		return socket.Frame{Ready: true}, nil
	case m.Type == "disconnect" && endsForGood(m.Reason):
		return socket.Frame{}, failure.New(failure.Permanent, m.Reason, "Slack has ended Socket Mode for this app: "+m.Reason, nil)
	case m.Type == "disconnect":
		return socket.Frame{Over: true}, nil
	}
	return socket.Frame{}, nil
}

// ack answers an envelope whose events are stored.
func (m *socketMessage) ack(stored error) socket.Message {
	if stored != nil {
		return socket.Message{}
	}
	data, err := json.Marshal(map[string]string{"envelope_id": m.EnvelopeID})
	if err != nil { // a string always becomes JSON
		return socket.Message{}
	}
	return socket.Message{Data: data}
}

// inbound reads an envelope as the webhook with the same content would be. What
// cannot be read is acknowledged all the same, since it would only come again.
func (s *socketSession) inbound(ctx context.Context, m *socketMessage) platforms.Inbound {
	a, now := s.adapter, s.adapter.now()
	r := platforms.Request{Header: http.Header{headerTimestamp: {m.EnvelopeID}}, Body: m.Payload, Now: now}
	var in platforms.Inbound
	var err error
	switch m.Type {
	case "events_api":
		in, err = a.readEnvelope(ctx, m.Payload, now)
	case "interactive":
		in, err = a.readInteraction(r, string(m.Payload), now)
	case "slash_commands":
		var form url.Values
		if form, err = formOf(m.Payload); err == nil {
			in, err = a.readCommand(r, form, now)
		}
	default: // counted as ignored
		return platforms.Inbound{}
	}
	if err != nil {
		return platforms.Inbound{Fault: err}
	}
	return a.storable(ctx, in, r, now)
}

// formOf turns the fields of a slash command into the form that its webhook has.
func formOf(payload []byte) (url.Values, error) {
	var fields map[string]any
	if err := json.Unmarshal(payload, &fields); err != nil {
		return nil, invalidBody(err)
	}
	form := url.Values{}
	for name, value := range fields {
		if text, ok := value.(string); ok {
			form.Set(name, text)
		}
	}
	if form.Get("command") == "" {
		return nil, invalidBody(nil)
	}
	return form, nil
}
