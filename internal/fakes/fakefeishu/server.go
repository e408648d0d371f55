package fakefeishu

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// uuidLife is how long a uuid stands for the message it was first used with.
const uuidLife = time.Hour

// Sent is one message that is shown in a chat.
type Sent struct {
	ID       string
	ChatID   string // "" when it answers a message of a chat that the fake does not know
	ReplyTo  string // the message it answers
	InThread bool
	Type     string // "text"
	Content  string // JSON, as it came
	Text     string // of a text message
	UUID     string
	At       time.Time
}

// Server is a running fake. Its methods are safe for concurrent use.
type Server struct {
	http     *http.Server
	url      string
	stopping chan struct{}
	stop     sync.Once
	serving  sync.WaitGroup // the accept loop and every request

	mu       sync.Mutex
	closed   bool
	changed  chan struct{} // closed and renewed when anything below changes
	now      func() time.Time
	appID    string
	secret   string
	bot      Bot
	tokens   map[string]bool
	made     int // ids and tokens given out
	sent     []Sent
	uuids    map[string]int // uuid → index into sent
	chats    map[string]string
	recalled map[string]bool
	requests map[Route]int
	faults   map[Route][]Fault
}

// Bot is who the app's bot is.
type Bot struct{ OpenID, Name string }

// Start listens on a port of 127.0.0.1 that the kernel chooses.
func Start() (*Server, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("fake Feishu: %w", err)
	}
	s := &Server{
		url:      "http://" + listener.Addr().String(),
		stopping: make(chan struct{}),
		changed:  make(chan struct{}),
		now:      time.Now,
		bot:      Bot{OpenID: "ou_bot", Name: "Parley"},
		tokens:   map[string]bool{},
		uuids:    map[string]int{},
		chats:    map[string]string{},
		recalled: map[string]bool{},
		requests: map[Route]int{},
		faults:   map[Route][]Fault{},
	}
	s.http = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second}
	s.serving.Go(func() { _ = s.http.Serve(listener) }) // ends with Close
	return s, nil
}

// URL returns the base URL, without a slash after it.
func (s *Server) URL() string { return s.url }

// Close cuts every connection and waits for the requests to end. It may be
// called more than once.
func (s *Server) Close() {
	s.stop.Do(func() {
		s.update(func() { s.closed = true })
		close(s.stopping)
		_ = s.http.Close()
	})
	s.serving.Wait()
}

// RequireApp makes other credentials wrong; by default any are right.
func (s *Server) RequireApp(appID, secret string) {
	s.update(func() { s.appID, s.secret = appID, secret })
}

// SetBot sets who the bot is; the default is ou_bot, "Parley".
func (s *Server) SetBot(b Bot) { s.update(func() { s.bot = b }) }

// SetNow sets the clock by which a uuid is forgotten after an hour.
func (s *Server) SetNow(now func() time.Time) { s.update(func() { s.now = now }) }

// Know tells which chat a message stands in, so that an answer to it has a chat.
func (s *Server) Know(messageID, chatID string) { s.update(func() { s.chats[messageID] = chatID }) }

// Recall makes a message one that cannot be answered any more.
func (s *Server) Recall(messageID string) { s.update(func() { s.recalled[messageID] = true }) }

// ExpireTokens makes every token given out so far invalid.
func (s *Server) ExpireTokens() { s.update(func() { clear(s.tokens) }) }

// Requests returns how many requests a route has had, misbehaved ones included.
func (s *Server) Requests(r Route) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[r]
}

// Messages returns what is shown, oldest first.
func (s *Server) Messages() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// WaitMessages returns the messages as soon as there are n.
func (s *Server) WaitMessages(ctx context.Context, n int) ([]Sent, error) {
	if err := s.wait(ctx, func() bool { return len(s.sent) >= n }); err != nil {
		return s.Messages(), fmt.Errorf("waiting for %d messages: %w", n, err)
	}
	return s.Messages(), nil
}

// WaitRequests returns once a route has had n requests.
func (s *Server) WaitRequests(ctx context.Context, r Route, n int) error {
	if err := s.wait(ctx, func() bool { return s.requests[r] >= n }); err != nil {
		return fmt.Errorf("waiting for %d requests of %s: %w", n, r, err)
	}
	return nil
}

var errClosed = errors.New("the fake is closed")

func (s *Server) wait(ctx context.Context, done func() bool) error {
	for {
		s.mu.Lock()
		ok, closed, changed := done(), s.closed, s.changed
		s.mu.Unlock()
		switch {
		case ok:
			return nil
		case closed:
			return errClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// update changes the state and wakes who waits for it.
func (s *Server) update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.changed)
	s.changed = make(chan struct{})
}

// enter counts a request that Close waits for; false once the server is closed.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.serving.Add(1)
	return true
}
