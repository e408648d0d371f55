package fakeslack

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"
)

// tiers are the calls of a method that Slack takes in a minute from one app in
// one workspace. A channel takes one message a second besides.
// Source: https://docs.slack.dev/apis/web-api/rate-limits
func tiers() map[string]int {
	return map[string]int{
		ChatStartStream: 20, ChatStopStream: 20, ChatAppendStream: 100, ChatUpdate: 50, ChatDelete: 50, ChatPostEphemeral: 100,
		ConversationsHistory: 50, ConversationsReplies: 50, UsersInfo: 100, ThreadStatus: 50, SessionStatus: 50, SessionRename: 50,
		ConversationsInfo: 50, ViewsPublish: 100, SuggestedPrompts: 100, ReactionsAdd: 50, ReactionsRemove: 20, FilesGetUploadURL: 100, FilesCompleteUpload: 100,
	}
}

// early is how much before its second is over a message is still taken: nobody
// measures from the moment that the fake saw the one before.
const early = 50 * time.Millisecond

// limited returns for how long a call comes too early, 0 when it does not, and
// remembers the call.
func (s *Server) limited(method string, args url.Values) time.Duration {
	if !s.opts.Tiers {
		return 0
	}
	channel := cmp.Or(args.Get("channel"), args.Get("channel_id"))
	key, most, window := s.workspaceOf(channel)+" "+method, tiers()[method], time.Minute
	if method == ChatPostMessage {
		key, most, window = method+" "+channel, 1, time.Second-early
	}
	if most == 0 {
		return 0
	}
	now := s.opts.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken == nil {
		s.taken = make(map[string][]time.Time)
	}
	recent := slices.DeleteFunc(s.taken[key], func(at time.Time) bool { return now.Sub(at) >= window })
	if len(recent) >= most {
		s.taken[key] = recent
		s.limitHits++
		return max(window-now.Sub(recent[0]), time.Second).Round(time.Second)
	}
	s.taken[key] = append(recent, now)
	return 0
}

// Place puts a channel into another workspace of the organization that has
// installed the app: each has limits of its own.
func (s *Server) Place(channel, team string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.places == nil {
		s.places = make(map[string]string)
	}
	s.places[channel] = team
}

func (s *Server) workspaceOf(channel string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmp.Or(s.places[channel], s.opts.TeamID)
}

// LimitHits returns how many calls were answered 429 because of a tier, and how
// many there were in all.
func (s *Server) LimitHits() (hits, calls int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for method, n := range s.calls {
		if strings.Contains(method, ".") {
			calls += n
		}
	}
	return s.limitHits, calls
}
