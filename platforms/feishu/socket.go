package feishu

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	larkws "github.com/larksuite/oapi-sdk-go/v3/ws"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/call"
	"github.com/parley-bot/parley/platforms/socket"
)

// defaultPing is how often we ask whether Feishu is there, unless it says how
// often it wants to be asked.
const defaultPing = 2 * time.Minute

// Socket is the long connection: Feishu's events over a connection that we open.
// The frames are the SDK's; its client is not used, since it takes up each frame
// in a goroutine of its own, without a bound, so that neighbours change places
// and what comes in several pieces is lost.
// Source: https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/request-url-configuration-case
type Socket struct {
	*socket.Link

	adapter *Adapter
}

var _ platforms.Source = (*Socket)(nil)

// NewSocket returns the long connection of an adapter's app. It does not call
// Feishu.
func NewSocket(a *Adapter) *Socket {
	s := &Socket{adapter: a}
	s.Link = socket.New(s, 1, a.opts.Logger.With(slog.String("platform", a.opts.Name)))
	return s
}

// Probe implements [platforms.Source].
func (s *Socket) Probe(ctx context.Context) error {
	_, err := s.endpoint(ctx)
	return err
}

// Connect implements [socket.Protocol].
func (s *Socket) Connect(ctx context.Context) (*socket.Conn, socket.Session, error) {
	e, err := s.endpoint(ctx)
	if err != nil {
		return nil, nil, err
	}
	address, err := url.Parse(e.Url)
	if err != nil || address.Host == "" || address.Scheme != "wss" && (address.Scheme != "ws" || strings.HasPrefix(s.adapter.opts.BaseURL, "https:")) {
		return nil, nil, failure.New(failure.Retry, "no_address", "Feishu returned no address to connect to", nil)
	}
	service, _ := strconv.ParseInt(address.Query().Get(larkws.ServiceID), 10, 32) // 0 where there is none
	session := &socketSession{adapter: s.adapter, service: int32(service), pieces: pieces{held: map[string]*puzzle{}}}
	session.configure(e.ClientConfig)
	conn, err := socket.Dial(ctx, e.Url, refusedHandshake)
	if err != nil {
		return nil, nil, err
	}
	conn.Delivers = true
	return conn, session, nil
}

// endpoint asks Feishu where to connect to.
func (s *Socket) endpoint(ctx context.Context) (*larkws.Endpoint, error) {
	const maxAnswer = 1 << 20
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	o := s.adapter.opts
	body, err := json.Marshal(map[string]string{"AppID": o.AppID, "AppSecret": o.AppSecret})
	if err != nil {
		return nil, fmt.Errorf("feishu: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(o.BaseURL, "/")+larkws.GenEndpointUri, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("feishu: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("locale", "zh") // as the SDK asks
	resp, err := o.HTTPClient.Do(req)
	if err != nil {
		return nil, failure.New(failure.Retry, "feishu_unreachable", "Feishu cannot be reached", call.WithoutAddress(err))
	}
	defer resp.Body.Close()
	var answer larkws.EndpointResp
	err = json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&answer)
	switch {
	case err == nil && answer.Code != larkws.OK:
		return nil, refused(answer.Code, answer.Msg)
	case resp.StatusCode != http.StatusOK:
		return nil, failure.New(failure.Retry, "feishu_http_"+strconv.Itoa(resp.StatusCode), "Feishu answered with status "+strconv.Itoa(resp.StatusCode), err)
	case err != nil || answer.Data == nil || answer.Data.Url == "":
		return nil, failure.New(failure.Retry, "no_address", "Feishu returned no address to connect to", err)
	}
	return answer.Data, nil
}

// Codes of a wrong app id and secret, with which no later attempt does better.
const (
	codeNoApp     = 10003
	codeNoSecret  = 10014
	codeWrongAuth = 1000040351 // the app's credentials do not fit
)

// refused makes an error of a code that Feishu refuses a connection with.
func refused(code int, msg string) error {
	kind := failure.Retry
	switch code {
	case larkws.AuthFailed, larkws.Forbidden, larkws.ExceedConnLimit, codeNoApp, codeNoSecret, codeWrongAuth:
		kind = failure.Permanent
	}
	return failure.New(kind, "feishu_"+strconv.Itoa(code),
		fmt.Sprintf("Feishu refuses the connection: %d %s", code, platforms.ShortName(msg)), nil)
}

// refusedHandshake reads why the connection itself was refused.
func refusedHandshake(resp *http.Response) error {
	h := resp.Header
	code, err := strconv.Atoi(h.Get(larkws.HeaderHandshakeStatus))
	if err != nil || code == 0 {
		code = resp.StatusCode
	}
	if auth, err := strconv.Atoi(h.Get(larkws.HeaderHandshakeAuthErrCode)); err == nil && auth == larkws.ExceedConnLimit {
		code = auth
	}
	return refused(code, h.Get(larkws.HeaderHandshakeMsg))
}

// socketSession reads one connection.
type socketSession struct {
	adapter *Adapter
	service int32
	every   atomic.Int64 // nanoseconds between pings
	pieces  pieces
}

// configure heeds how Feishu wants to be asked whether it is there.
func (s *socketSession) configure(c *larkws.ClientConfig) {
	every := defaultPing
	if c != nil && c.PingInterval > 0 {
		every = min(time.Duration(c.PingInterval)*time.Second, defaultPing)
	}
	s.every.Store(int64(every))
}

// Ping implements [socket.Session].
func (s *socketSession) Ping() (socket.Message, time.Duration) {
	data, err := larkws.NewPingFrame(s.service).Marshal()
	if err != nil { // fixed fields: it cannot fail
		data = nil
	}
	return socket.Message{Data: data, Binary: true}, time.Duration(s.every.Load())
}

// Read implements [socket.Session].
func (s *socketSession) Read(ctx context.Context, message []byte) (socket.Frame, error) {
	var f larkws.Frame
	if err := f.Unmarshal(message); err != nil {
		return s.fault(errNotJSON), nil //nolint:nilerr // nobody knows what to acknowledge
	}
	switch larkws.FrameType(f.Method) {
	case larkws.FrameTypeControl:
		s.control(&f)
		return socket.Frame{}, nil
	case larkws.FrameTypeData:
		return s.data(ctx, f), nil
	default:
		return socket.Frame{}, nil
	}
}

func (s *socketSession) control(f *larkws.Frame) {
	var c larkws.ClientConfig
	pong := larkws.Headers(f.Headers).GetString(larkws.HeaderType) == string(larkws.MessageTypePong)
	if pong && len(f.Payload) > 0 && json.Unmarshal(f.Payload, &c) == nil && c.PingInterval > 0 {
		s.configure(&c)
	}
}

// data reads an event, once all of it is there. What cannot be read is
// acknowledged all the same, since it would only come again.
func (s *socketSession) data(ctx context.Context, f larkws.Frame) socket.Frame {
	h, begun := larkws.Headers(f.Headers), time.Now()
	payload, whole, err := s.pieces.add(h.GetString(larkws.HeaderMessageID), h.GetInt(larkws.HeaderSum), h.GetInt(larkws.HeaderSeq), f.Payload)
	if err == nil && !whole {
		return socket.Frame{}
	}
	frame := socket.Frame{In: &platforms.Inbound{Fault: err}}
	if err == nil {
		in := s.inbound(ctx, h.GetString(larkws.HeaderType), payload)
		in.Size = int64(len(payload))
		frame.In = &in
		if late := in.Late; late != nil { // who stores the event has a copy of it
			in.Late = func(settled context.Context) platforms.Answer {
				in.Answer = late(settled)
				return in.Answer
			}
		}
	}
	frame.Ack = func(stored error) socket.Message { return acknowledge(f, frame.In.Answer, begun, stored) }
	return frame
}

func (s *socketSession) fault(err error) socket.Frame {
	return socket.Frame{In: &platforms.Inbound{Fault: err}}
}

// inbound reads a payload as the webhook with the same content would be. The
// connection vouches for it; it is neither signed nor encrypted.
func (s *socketSession) inbound(ctx context.Context, kind string, payload []byte) platforms.Inbound {
	if larkws.MessageType(kind) != larkws.MessageTypeEvent {
		return platforms.Inbound{} // the card callback of old: counted as ignored
	}
	env, err := parseEnvelope(payload)
	if err != nil {
		return platforms.Inbound{Fault: err}
	}
	r := platforms.Request{Header: http.Header{}, Body: payload, Now: s.adapter.opts.Now()}
	if env.Header != nil && env.Header.AppID != "" && env.Header.AppID.String() != s.adapter.opts.AppID {
		return platforms.Inbound{Fault: errApp}
	}
	in, err := s.adapter.inbound(ctx, env, r)
	if err != nil {
		return platforms.Inbound{Fault: err}
	}
	return in
}

// acknowledge answers the frame that completed an event. Feishu delivers again
// what is not answered with 200.
func acknowledge(f larkws.Frame, answer platforms.Answer, begun time.Time, stored error) socket.Message {
	resp := larkws.NewResponseByCode(http.StatusOK)
	switch {
	case stored != nil:
		resp = larkws.NewResponseByCode(http.StatusInternalServerError)
	case len(answer.Body) > len(`{}`): // such as what a pressed card shows
		resp.Data = answer.Body
	}
	payload, err := json.Marshal(resp)
	if err != nil { // numbers and bytes: it cannot fail
		return socket.Message{}
	}
	h := larkws.Headers(f.Headers)
	h.Add(larkws.HeaderBizRt, strconv.FormatInt(time.Since(begun).Milliseconds(), 10))
	f.Headers, f.Payload = h, payload
	data, err := f.Marshal()
	if err != nil {
		return socket.Message{}
	}
	return socket.Message{Data: data, Binary: true}
}

// Bounds of payloads that come in pieces.
const (
	maxPieces  = 64
	maxPuzzles = 32
	maxPayload = 4 << 20 // bytes
)

var errPieces = failure.New(failure.Invalid, "bad_pieces", "an event came in pieces that do not fit together", nil)

// pieces puts together what comes in several frames.
type pieces struct {
	held  map[string]*puzzle // by message id
	order []string           // of them, the oldest first
}

type puzzle struct {
	parts   [][]byte
	missing int
	size    int
}

// add returns the payload once it is whole. Beyond the bounds the oldest that is
// not whole gives way; Feishu delivers it again.
func (p *pieces) add(id string, sum, seq int, part []byte) (payload []byte, whole bool, err error) {
	if sum <= 1 {
		return part, true, nil
	}
	if id == "" || sum > maxPieces || seq < 0 || seq >= sum {
		return nil, false, errPieces
	}
	z := p.held[id]
	if z == nil {
		z = &puzzle{parts: make([][]byte, sum), missing: sum}
		p.held[id], p.order = z, append(p.order, id)
		if len(p.order) > maxPuzzles {
			p.drop(p.order[0])
		}
	}
	if len(z.parts) != sum || z.size+len(part) > maxPayload {
		p.drop(id)
		return nil, false, errPieces
	}
	if z.parts[seq] == nil {
		z.parts[seq], z.missing, z.size = bytes.Clone(part), z.missing-1, z.size+len(part)
	}
	if z.missing > 0 {
		return nil, false, nil
	}
	p.drop(id)
	return bytes.Join(z.parts, nil), true, nil
}

func (p *pieces) drop(id string) {
	delete(p.held, id)
	for i, held := range p.order {
		if held == id {
			p.order = append(p.order[:i:i], p.order[i+1:]...)
			return
		}
	}
}
