package fakeslack

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/parley-bot/parley/internal/fakes/fakesocket"
)

// AppsConnectionsOpen is the method that gives out addresses of sockets.
const AppsConnectionsOpen = "apps.connections.open"

// DefaultAppToken is the app token that is taken when Options name none.
const DefaultAppToken = "xapp-fake"

// Reasons of a disconnect.
// Source: https://docs.slack.dev/apis/events-api/using-socket-mode#disconnect
const (
	Warning           = "warning"
	RefreshRequested  = "refresh_requested"
	LinkDisabled      = "link_disabled"
	TooManyWebsockets = "too_many_websockets"
)

// Sockets is Socket Mode: what it delivers goes to any one connection.
type Sockets struct {
	*fakesocket.Hub

	mu      sync.Mutex
	tickets map[string]bool
	made    int
}

func newSockets() *Sockets {
	s := &Sockets{tickets: map[string]bool{}}
	s.Hub = fakesocket.New(fakesocket.Protocol{
		Kind: websocket.TextMessage, Ping: 5 * time.Second, Hello: s.hello, Again: time.Second,
		Read: func(_ *fakesocket.Conn, message []byte) {
			var ack struct {
				EnvelopeID string `json:"envelope_id"`
			}
			if json.Unmarshal(message, &ack) == nil && ack.EnvelopeID != "" {
				id, _, _ := strings.Cut(ack.EnvelopeID, "#")
				s.Acknowledge(id)
			}
		},
	})
	return s
}

func (s *Sockets) hello(c *fakesocket.Conn) {
	ever, now := s.Opened()
	c.Send(encode(map[string]any{
		"type": "hello", "num_connections": now + 1,
		"debug_info":      map[string]any{"host": "fake-" + strconv.Itoa(ever), "approximate_connection_time": 18060},
		"connection_info": map[string]any{"app_id": DefaultAppID},
	}))
}

// routes adds those of Socket Mode.
func (s *Server) socketRoutes(mux *http.ServeMux) {
	mux.HandleFunc("/api/"+AppsConnectionsOpen, func(w http.ResponseWriter, r *http.Request) {
		fault := s.begin(AppsConnectionsOpen)
		s.perform(w, r, fault, func() any {
			switch strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") {
			case "":
				return refusal("not_authed")
			case cmp.Or(s.opts.AppToken, DefaultAppToken):
				return map[string]any{"ok": true, "url": s.Sockets.address(s.url)}
			case s.opts.Token:
				return refusal("not_allowed_token_type")
			default:
				return refusal("invalid_auth")
			}
		})
	})
	mux.HandleFunc("GET /link", func(w http.ResponseWriter, r *http.Request) {
		if !s.Sockets.admit(r.URL.Query().Get("ticket")) {
			http.Error(w, "the ticket is used or unknown", http.StatusForbidden)
			return
		}
		s.Sockets.Serve(w, r)
	})
}

// address returns where one connection may be made to.
func (s *Sockets) address(base string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made++
	ticket := strconv.Itoa(s.made)
	s.tickets[ticket] = true
	return "ws" + strings.TrimPrefix(base, "http") + "/link?ticket=" + ticket
}

func (s *Sockets) admit(ticket string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	ok := s.tickets[ticket]
	delete(s.tickets, ticket)
	return ok
}

// Push delivers the body of a webhook as an envelope with this id: an event, a
// slash command or an interaction.
func (s *Sockets) Push(id string, body []byte) {
	kind, payload := "events_api", json.RawMessage(body)
	if !bytes.HasPrefix(body, []byte("{")) {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			panic("fake slack: " + err.Error())
		}
		kind, payload = "interactive", json.RawMessage(form.Get("payload"))
		if len(payload) == 0 {
			fields := map[string]string{}
			for name := range form {
				fields[name] = form.Get(name)
			}
			kind, payload = "slash_commands", encode(fields)
		}
	}
	s.PushAs(id, kind, payload)
}

// PushAs delivers an envelope of any type.
func (s *Sockets) PushAs(id, kind string, payload json.RawMessage) {
	s.Deliver(fakesocket.Delivery{ID: id, Frames: func(attempt int) [][]byte {
		return [][]byte{encode(map[string]any{
			"envelope_id": id + "#" + strconv.Itoa(attempt), "type": kind, "payload": payload,
			"accepts_response_payload": kind != "events_api", "retry_attempt": attempt - 1, "retry_reason": "",
		})}
	}})
}

// Disconnect tells every connection that it ends, and why. After a warning it
// goes on for a moment, as with Slack.
func (s *Sockets) Disconnect(reason string) {
	s.Each(func(c *fakesocket.Conn) {
		c.Send(encode(map[string]any{"type": "disconnect", "reason": reason, "debug_info": map[string]any{"host": "fake"}}))
	})
}
