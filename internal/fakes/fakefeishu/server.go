package fakefeishu

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakeserver"
)

// uuidLife is how long a uuid stands for the message it was first used with.
const uuidLife = time.Hour

// Sent is one message that is shown in a chat.
type Sent struct {
	ID       string
	ChatID   string // "" when it answers a message of a chat that the fake does not know
	ReplyTo  string // the message it answers
	InThread bool
	OnlyFor  string // the one person who sees it; "" = everybody in the chat
	Type     string // "text", "post", "interactive" or "file"
	Card     string // of a card that is changed by its id: that
	Content  string // JSON, as it came
	File     string // of a file: its name
	Text     string // what can be read; of a file what is in it
	UUID     string
	At       time.Time
}

// Server is a running fake. Its methods are safe for concurrent use.
type Server struct {
	// Sockets is the long connection.
	Sockets *Sockets

	base *fakeserver.Base // guards what is below

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
	files    map[string]file

	resources map[string]file // by message and key
	cards     map[string]*card
	signs     map[string]reaction    // by reaction id
	recent    map[string][]time.Time // calls of the last second or minute; nil = there are no limits
	refused   int                    // calls that were too much
	without   map[string]bool        // scopes that the app lacks
	topics    map[string]bool        // chats that hold nothing but topics
	said      map[string][]any       // what people have written, by message
	requests  map[Route]int
	faults    map[Route][]Fault

	confirmed bool // a person has confirmed that the app is made
}

// Bot is who the app's bot is.
type Bot struct{ OpenID, Name string }

// Start listens on a port of 127.0.0.1 that the kernel chooses.
func Start() (*Server, error) {
	s := &Server{
		Sockets:  newSockets(),
		base:     fakeserver.New(),
		now:      time.Now,
		bot:      Bot{OpenID: "ou_bot", Name: "Parley"},
		tokens:   map[string]bool{},
		uuids:    map[string]int{},
		chats:    map[string]string{},
		recalled: map[string]bool{},
		cards:    map[string]*card{},
		signs:    map[string]reaction{},
		said:     map[string][]any{},
		topics:   map[string]bool{},
		requests: map[Route]int{},
		faults:   map[Route][]Fault{},
	}
	if err := s.base.Start(s.routes(), nil); err != nil {
		return nil, fmt.Errorf("fake Feishu: %w", err)
	}
	return s, nil
}

// URL returns the base URL, without a slash after it.
func (s *Server) URL() string { return s.base.URL() }

// Close cuts every connection and waits for the requests to end. It may be
// called more than once.
func (s *Server) Close() {
	_ = s.Sockets.Close()
	s.base.Close()
}

// RequireApp makes other credentials wrong; by default any are right.
func (s *Server) RequireApp(appID, secret string) {
	s.base.Update(func() { s.appID, s.secret = appID, secret })
}

// SetBot sets who the bot is; the default is ou_bot, "Parley".
func (s *Server) SetBot(b Bot) { s.base.Update(func() { s.bot = b }) }

// SetNow sets the clock by which a uuid is forgotten after an hour.
func (s *Server) SetNow(now func() time.Time) { s.base.Update(func() { s.now = now }) }

// Know tells which chat a message stands in, so that an answer to it has a chat.
func (s *Server) Know(messageID, chatID string) {
	s.base.Update(func() { s.chats[messageID] = chatID })
}

// TopicsOnly makes every answer in a chat one in a topic, as in a group in the
// form of topics.
func (s *Server) TopicsOnly(chatID string) { s.base.Update(func() { s.topics[chatID] = true }) }

// Recall makes a message one that cannot be answered any more.
func (s *Server) Recall(messageID string) { s.base.Update(func() { s.recalled[messageID] = true }) }

// ExpireTokens makes every token given out so far invalid.
func (s *Server) ExpireTokens() { s.base.Update(func() { clear(s.tokens) }) }

// Requests returns how many requests a route has had, misbehaved ones included.
func (s *Server) Requests(r Route) int {
	s.base.Lock()
	defer s.base.Unlock()
	return s.requests[r]
}

// Messages returns what is shown, oldest first.
func (s *Server) Messages() []Sent {
	s.base.Lock()
	defer s.base.Unlock()
	return slices.Clone(s.sent)
}

// WaitMessages returns the messages as soon as there are n.
func (s *Server) WaitMessages(ctx context.Context, n int) ([]Sent, error) {
	if err := s.base.Wait(ctx, func() bool { return len(s.sent) >= n }); err != nil {
		return s.Messages(), fmt.Errorf("waiting for %d messages: %w", n, err)
	}
	return s.Messages(), nil
}

// WaitRequests returns once a route has had n requests.
func (s *Server) WaitRequests(ctx context.Context, r Route, n int) error {
	if err := s.base.Wait(ctx, func() bool { return s.requests[r] >= n }); err != nil {
		return fmt.Errorf("waiting for %d requests of %s: %w", n, r, err)
	}
	return nil
}
