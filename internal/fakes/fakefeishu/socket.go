package fakefeishu

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/parley-bot/parley/internal/fakes/fakesocket"
)

// Endpoint gives out where to connect to.
const Endpoint Route = "endpoint"

// Codes that a connection is refused with for good.
// Source: ws/const.go of the SDK.
const (
	CodeForbidden   = 403
	CodeAuthFailed  = 514
	CodeExceedsConn = 1000040350
)

// Sockets is the long connection: what it delivers goes to any one connection.
type Sockets struct {
	*fakesocket.Hub

	mu        sync.Mutex
	pieces    int               // that a payload is cut into
	answers   map[string]string // by message id
	endpoint  int               // the code to refuse an address with; 0: none
	handshake int               // likewise, a connection
	pings     int
}

func newSockets() *Sockets {
	s := &Sockets{pieces: 1, answers: map[string]string{}}
	s.Hub = fakesocket.New(fakesocket.Protocol{Kind: websocket.BinaryMessage, Read: s.read, Again: time.Second})
	return s
}

// Split makes every payload come in so many pieces.
func (s *Sockets) Split(pieces int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pieces = pieces
}

// Refuse makes the fake give out no address, and refuse connections, with these
// codes; 0: it does neither.
func (s *Sockets) Refuse(endpoint, handshake int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoint, s.handshake = endpoint, handshake
}

// Answer returns what an acknowledgement has brought beside its code, "" for nothing.
func (s *Sockets) Answer(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answers[id]
}

// Pings returns how often a client has asked whether the fake is there.
func (s *Sockets) Pings() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pings
}

// Push delivers an event under this message id.
func (s *Sockets) Push(id string, event []byte) { s.PushAs(id, "event", event) }

// PushAs delivers a payload of any type.
func (s *Sockets) PushAs(id, kind string, payload []byte) {
	s.mu.Lock()
	sum := s.pieces
	s.mu.Unlock()
	s.Deliver(fakesocket.Delivery{ID: id, Frames: func(attempt int) [][]byte {
		frames := make([][]byte, sum)
		for seq := range sum {
			from, to := len(payload)*seq/sum, len(payload)*(seq+1)/sum
			frames[seq] = frame{
				seqID: uint64(attempt), logID: 7, service: 1, method: 1,
				headers: [][2]string{
					{"type", kind}, {"message_id", id}, {"sum", strconv.Itoa(sum)}, {"seq", strconv.Itoa(seq)}, {"trace_id", "trace"},
				},
				payload: payload[from:to],
			}.encode()
		}
		return frames
	}})
}

// PushBroken sends a frame that says it is one of several and fits none of them.
func (s *Sockets) PushBroken(id string) {
	s.Deliver(fakesocket.Delivery{ID: id, Frames: func(int) [][]byte {
		return [][]byte{frame{method: 1, headers: [][2]string{
			{"type", "event"}, {"message_id", id}, {"sum", "2"}, {"seq", "9"},
		}, payload: []byte("{}")}.encode()}
	}})
}

// read takes an acknowledgement, or answers a ping with how often to ping.
func (s *Sockets) read(c *fakesocket.Conn, message []byte) {
	f, ok := decodeFrame(message)
	switch {
	case !ok:
	case f.method == 0 && f.header("type") == "ping":
		s.mu.Lock()
		s.pings++
		s.mu.Unlock()
		c.Send(frame{method: 0, service: f.service, headers: [][2]string{{"type", "pong"}}, payload: []byte(`{"PingInterval":120}`)}.encode())
	case f.method == 1:
		var answer struct {
			Code int    `json:"code"`
			Data []byte `json:"data"`
		}
		if json.Unmarshal(f.payload, &answer) == nil && answer.Code == http.StatusOK {
			s.mu.Lock()
			s.answers[f.header("message_id")] = string(answer.Data)
			s.mu.Unlock()
			s.Acknowledge(f.header("message_id"))
		}
	}
}

// giveEndpoint says where to connect to. It runs under the lock.
func (s *Server) giveEndpoint(_ *http.Request, body []byte) (int, answer) {
	var app struct{ AppID, AppSecret string }
	s.Sockets.mu.Lock()
	refused := s.Sockets.endpoint
	s.Sockets.mu.Unlock()
	switch {
	case json.Unmarshal(body, &app) != nil, s.appID != "" && (app.AppID != s.appID || app.AppSecret != s.secret):
		return http.StatusOK, answer{Code: CodeAuthFailed, Msg: "auth failed"}
	case refused != 0:
		return http.StatusOK, answer{Code: refused, Msg: "refused"}
	}
	return http.StatusOK, answer{Data: map[string]any{
		"URL":          "ws" + strings.TrimPrefix(s.URL(), "http") + "/ws?device_id=1&service_id=1",
		"ClientConfig": map[string]int{"ReconnectCount": -1, "ReconnectInterval": 120, "ReconnectNonce": 30, "PingInterval": 120},
	}}
}

// connect makes a connection, unless it is to be refused.
func (s *Server) connect(w http.ResponseWriter, r *http.Request) {
	s.Sockets.mu.Lock()
	refused := s.Sockets.handshake
	s.Sockets.mu.Unlock()
	if refused == 0 {
		s.Sockets.Serve(w, r)
		return
	}
	status := refused
	if refused == CodeExceedsConn { // told beside the status of a failed login
		status = CodeAuthFailed
		w.Header().Set("Handshake-Autherrcode", strconv.Itoa(refused))
	}
	w.Header().Set("Handshake-Status", strconv.Itoa(status))
	w.Header().Set("Handshake-Msg", "refused")
	w.WriteHeader(http.StatusForbidden)
}

// frame is a message of the connection.
// Source: ws/pbbp2.pb.go of the SDK.
type frame struct {
	seqID, logID    uint64
	service, method int32
	headers         [][2]string
	payload         []byte
}

func (f frame) header(name string) string {
	for _, h := range f.headers {
		if h[0] == name {
			return h[1]
		}
	}
	return ""
}

func (f frame) encode() []byte {
	var b []byte
	for field, value := range []uint64{f.seqID, f.logID, uint64(f.service), uint64(f.method)} {
		b = protowire.AppendTag(b, protowire.Number(field+1), protowire.VarintType)
		b = protowire.AppendVarint(b, value)
	}
	for _, h := range f.headers {
		var one []byte
		for field, text := range h {
			one = protowire.AppendTag(one, protowire.Number(field+1), protowire.BytesType)
			one = protowire.AppendString(one, text)
		}
		b = protowire.AppendTag(b, 5, protowire.BytesType)
		b = protowire.AppendBytes(b, one)
	}
	b = protowire.AppendTag(b, 8, protowire.BytesType)
	return protowire.AppendBytes(b, f.payload)
}

func decodeFrame(b []byte) (f frame, ok bool) {
	ok = fields(b, func(field protowire.Number, number uint64, raw []byte) bool {
		switch field { //nolint:exhaustive // the fields of a frame
		case 3:
			f.service = int32(number)
		case 4:
			f.method = int32(number)
		case 5:
			var h [2]string
			if !fields(raw, func(field protowire.Number, _ uint64, text []byte) bool {
				if field == 1 || field == 2 {
					h[field-1] = string(text)
				}
				return true
			}) {
				return false
			}
			f.headers = append(f.headers, h)
		case 8:
			f.payload = raw
		}
		return true
	})
	return f, ok
}

// fields calls each with every field of a protobuf message.
func fields(b []byte, each func(field protowire.Number, number uint64, raw []byte) bool) bool {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return false
		}
		b = b[n:]
		var number uint64
		var raw []byte
		switch kind {
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			raw, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(field, kind, b)
		}
		if n < 0 || !each(field, number, raw) {
			return false
		}
		b = b[n:]
	}
	return true
}
