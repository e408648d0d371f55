package gateway_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// strict is a chat platform that takes so many messages of a chat in any stretch
// of time, and refuses the rest.
type strict struct {
	chat

	most  int
	in    time.Duration
	quiet bool // does not say its limits

	mu      sync.Mutex
	taken   map[string][]time.Time // by chat
	refused int
}

func (s *strict) Limits(to platforms.Address, _ platforms.Call) []platforms.Limit {
	if s.quiet {
		return nil
	}
	return []platforms.Limit{{Scope: "chat:" + to.ChatID, Every: s.in / time.Duration(s.most)}}
}

func (s *strict) Send(ctx context.Context, to platforms.Address, p platforms.Part) (string, error) {
	s.mu.Lock()
	now, taken := time.Now(), s.taken[to.ChatID]
	if n := len(taken) - s.most; n >= 0 && now.Sub(taken[n]) < s.in {
		s.refused++
		s.mu.Unlock()
		return "", failure.Limited("chat:"+to.ChatID, s.in, "ratelimited", "", nil)
	}
	s.taken[to.ChatID] = append(taken, now)
	s.mu.Unlock()
	return s.chat.Send(ctx, to, p)
}

// refusals is how often a limit was met so far; others may still be sending.
func (s *strict) refusals() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// inRoom is a message of one thread of a busy room.
func inRoom(room string, n int) platforms.Event {
	e := message("chat", fmt.Sprint(room, n), "alice", fmt.Sprint(room, " ", n))
	e.ChatID, e.ThreadID = room, fmt.Sprint("t", n)
	e.ReplyTo = platforms.Address{ChatID: room, ThreadID: e.ThreadID}
	return e
}

func busyRoom(t *testing.T, s *strict, mentions int) (*world, time.Duration, []time.Duration) {
	t.Helper()
	s.taken = map[string][]time.Time{}
	w := process(t, dbtest.New(t), &model{reply: repeating}, nil, options{owner: "me", workers: 8, sender: s, scope: inbox.ScopeThread})
	w.start()
	begun := time.Now()
	var busy []inbox.Accepted
	for n := range mentions {
		busy = append(busy, w.accept(inRoom("busy", n))...)
	}
	var waits []time.Duration
	for n := range 20 {
		asked := time.Now()
		a := w.accept(inRoom(fmt.Sprint("quiet", n), 0))[0]
		w.final(a)
		waits = append(waits, time.Since(asked))
	}
	for _, a := range busy {
		w.final(a)
		if e := w.event(a); e.State != inbox.Sent || e.Attempts != 2 && s.refusals() == 0 {
			t.Errorf("%s is %s after %d attempts: %s", a.EventID, e.State, e.Attempts, e.Error)
		}
	}
	took := time.Since(begun)
	slices.Sort(waits)
	return w, took, waits
}

// unlimited is how long the room takes that has no limit, and a quiet chat
// beside it: what this machine needs at the moment.
func unlimited(t *testing.T, mentions int) (all, quiet time.Duration) {
	t.Helper()
	_, all, waits := busyRoom(t, &strict{most: mentions, quiet: true}, mentions)
	return all, waits[len(waits)/2]
}

// Everybody in a busy chat is answered, in line, as fast as the chat takes it,
// and nobody elsewhere waits for that (openclaw#70879, #89659).
func TestCase16_BusyChat(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*strict{
		"one after the other": {most: 1, in: 100 * time.Millisecond}, // ten times as fast as Slack
		"five in a moment":    {most: 5, in: 200 * time.Millisecond}, // five times as fast as Feishu
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const mentions = 20
			free, freeQuiet := unlimited(t, mentions)
			_, took, quiet := busyRoom(t, s, mentions)
			least := time.Duration(mentions-1) * s.in / time.Duration(s.most)
			if took > 2*least+2*time.Second+2*free { // make pace measures
				t.Errorf("took %v, the limit needs %v, and without one it takes %v", took, least, free)
			}
			t.Logf("%d replies in %v, %v without a limit, %d refused; quiet chats p50 %v, most %v", mentions, took, free, s.refusals(), quiet[len(quiet)/2], quiet[len(quiet)-1])
			if s.refusals() > mentions/4 {
				t.Errorf("the limit was met %d times", s.refusals())
			}
			if quiet[len(quiet)/2] > least/2+2*freeQuiet {
				t.Errorf("quiet chats waited %v", quiet)
			}
			var n int
			for _, m := range s.all() {
				if strings.HasPrefix(m.Text, "re busy ") {
					n++
				}
			}
			if n != mentions {
				t.Errorf("%d messages", n)
			}
		})
	}
}

// A limit that is met all the same holds up what it names and nothing else.
func TestCase17_LimitHasTheScopeThatItNames(t *testing.T) {
	t.Parallel()
	s := &strict{most: 1, in: 100 * time.Millisecond, quiet: true}
	_, freeQuiet := unlimited(t, 8)
	w, _, quiet := busyRoom(t, s, 8)
	if s.refusals() == 0 {
		t.Error("the limit was never met")
	}
	if quiet[len(quiet)/2] > 500*time.Millisecond+2*freeQuiet {
		t.Errorf("quiet chats waited %v", quiet)
	}
	if h, err := w.gateway.Health(t.Context()); err != nil || h.Circuits["chat"] != "closed" {
		t.Errorf("%+v, %v", h, err)
	}
}
