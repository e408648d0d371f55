package fakeslack

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The methods that can be scripted and counted.
const (
	AuthTest             = "auth.test"
	ChatPostMessage      = "chat.postMessage"
	ChatPostEphemeral    = "chat.postEphemeral"
	ChatUpdate           = "chat.update"
	ConversationsHistory = "conversations.history"
	ConversationsReplies = "conversations.replies"
	UsersInfo            = "users.info"
	ResponseURL          = "response_url" // not a method of Slack's: posts to a response URL
)

// Defaults for what Options leave empty.
const (
	DefaultToken   = "xoxb-fake"
	DefaultBotUser = "UBOT00001"
	DefaultBotID   = "BBOT00001"
	DefaultTeamID  = "T00000001"
	DefaultTeam    = "Fake Team"
	DefaultAppID   = "A00000001"
)

// responseURLUses is how often a response URL works, as with Slack.
const responseURLUses = 5

// Options say who the fake workspace is. All are optional.
type Options struct {
	Addr  string // to listen on; "" means 127.0.0.1 and a port that is free
	Token string // the only bot token that is taken
	// AppToken is the only app token that is taken, "" means DefaultAppToken.
	AppToken string
	BotUser  string
	BotID    string
	TeamID   string
	Team     string
	Now      func() time.Time // for the ids of messages
	Tiers    bool             // answer 429 to what is beyond Slack\'s limits
}

// Message is something posted to the fake.
type Message struct {
	Channel  string          `json:"channel"`
	ThreadTS string          `json:"thread_ts,omitempty"`
	TS       string          `json:"ts"`
	User     string          `json:"user"`
	BotID    string          `json:"bot_id,omitempty"`
	Text     string          `json:"text"` // as sent: & < > are escaped
	Metadata *Metadata       `json:"metadata,omitempty"`
	Blocks   json.RawMessage `json:"blocks,omitempty"`
	Files    []File          `json:"files,omitempty"`
	Edited   bool            `json:"edited,omitempty"`
	// StreamingState is that of a message that grows or has grown.
	StreamingState string `json:"streaming_state,omitempty"`
	Ephemeral      bool   `json:"ephemeral,omitempty"` // through a response URL, for one person only

	started time.Time // of a stream
	mode    string    // of a stream: the form its words come in
}

// Metadata is what a message carries for programs.
type Metadata struct {
	EventType    string         `json:"event_type"`
	EventPayload map[string]any `json:"event_payload"`
}

// Server is a fake Slack. It is safe for concurrent use.
type Server struct {
	// Sockets is Socket Mode.
	Sockets *Sockets

	opts Options
	http *http.Server
	url  string
	stop chan struct{} // closed by Close: whoever hangs lets go
	done chan struct{} // closed when the listener has ended
	once sync.Once

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced on every change
	messages []Message
	calls    map[string]int
	faults   map[string][]Fault
	urlUses  map[string]int
	lastTS   int64
	gone     map[string]bool // messages that were deleted, by channel and time
	files    files
	hosted   map[string]*Hosted
	signs    signs
	taken    map[string][]time.Time // the last minute's calls, by workspace and method, and the last second's messages by channel
	places   map[string]string      // workspaces of channels

	limitHits int
	people    people
	pages     pages
}

// Start starts a fake on its own. The caller closes it.
func Start(o Options) (*Server, error) {
	o.Addr = cmp.Or(o.Addr, "127.0.0.1:0")
	o.Token = cmp.Or(o.Token, DefaultToken)
	o.BotUser = cmp.Or(o.BotUser, DefaultBotUser)
	o.BotID = cmp.Or(o.BotID, DefaultBotID)
	o.TeamID = cmp.Or(o.TeamID, DefaultTeamID)
	o.Team = cmp.Or(o.Team, DefaultTeam)
	if o.Now == nil {
		o.Now = time.Now
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("fake slack: %w", err)
	}
	s := &Server{
		Sockets: newSockets(),
		opts:    o, url: "http://" + listener.Addr().String(),
		stop: make(chan struct{}), done: make(chan struct{}), changed: make(chan struct{}),
		calls: make(map[string]int), faults: make(map[string][]Fault), urlUses: make(map[string]int),
	}
	s.http = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(listener) // returns when closed
	}()
	return s, nil
}

// Close stops the server and cuts every connection. It may be called twice.
func (s *Server) Close() error {
	var err error
	s.once.Do(func() {
		close(s.stop)
		err = errors.Join(s.Sockets.Close(), s.http.Close())
		<-s.done
	})
	return err
}

// URL is where the server is, without a trailing slash.
func (s *Server) URL() string { return s.url }

// APIURL is the base of the Web API, for SLACK_API_URL.
func (s *Server) APIURL() string { return s.url + "/api/" }

// NewResponseURL returns a response URL that works five times.
func (s *Server) NewResponseURL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := "/commands/" + s.opts.TeamID + "/" + strconv.Itoa(len(s.urlUses)+1)
	s.urlUses[path] = 0
	return s.url + path
}

// Messages returns everything that was posted, in order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.messages {
		s.expire(&s.messages[i])
	}
	return slices.Clone(s.messages)
}

// Texts returns the texts of Messages as a person sees them.
func (s *Server) Texts() []string {
	var texts []string
	for _, m := range s.Messages() {
		texts = append(texts, strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">").Replace(m.Text))
	}
	return texts
}

// Calls returns how often a method was called, whatever became of it.
func (s *Server) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// WaitMessages waits until at least n messages were posted.
func (s *Server) WaitMessages(ctx context.Context, n int) ([]Message, error) {
	err := s.wait(ctx, func() bool { return len(s.messages) >= n })
	return s.Messages(), err
}

// WaitCalls waits until a method was called at least n times. A call counts as
// soon as its request is read, before any misbehaviour.
func (s *Server) WaitCalls(ctx context.Context, method string, n int) error {
	return s.wait(ctx, func() bool { return s.calls[method] >= n })
}

func (s *Server) wait(ctx context.Context, reached func() bool) error {
	for {
		s.mu.Lock()
		ok, changed := reached(), s.changed
		s.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("fake slack: %w", ctx.Err())
		case <-s.stop:
			return errors.New("fake slack: closed")
		}
	}
}

// notify wakes those who wait. The caller holds mu.
func (s *Server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Say adds a message of a person, so that history has it, and returns its id.
func (s *Server) Say(channel, threadTS, user, text string) string {
	return s.add(Message{Channel: channel, ThreadTS: threadTS, User: user, Text: text})
}

// add keeps a message under a new id.
func (s *Server) add(m Message) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastTS = max(s.opts.Now().UnixMicro(), s.lastTS+1)
	m.TS = fmt.Sprintf("%d.%06d", s.lastTS/1e6, s.lastTS%1e6)
	s.messages = append(s.messages, m)
	if m.User == s.opts.BotUser && !m.Ephemeral {
		delete(s.signs.status, m.Channel+":"+m.ThreadTS)
	}
	s.notify()
	return m.TS
}

// begin counts a call and returns how it shall go wrong.
func (s *Server) begin(method string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[method]++
	s.notify()
	queue := s.faults[method]
	if len(queue) == 0 {
		return Fault{}
	}
	s.faults[method] = queue[1:]
	return queue[0]
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}
