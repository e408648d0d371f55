package fakeslack

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// manifestScopes are those of the app in docs/slack.md.
const manifestScopes = "app_mentions:read,chat:write,commands,files:read,files:write,reactions:write,im:history,mpim:history,channels:history,groups:history"

// people is what the fake knows of the token and of people. Server.mu guards it.
type people struct {
	scopes  []string          // nil: those of the manifest
	locales map[string]string // by user
}

// Grant gives the token these scopes, and no others.
func (s *Server) Grant(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people.scopes = append([]string{}, scopes...)
}

// SetLocale sets what a person has chosen; en-US unless set.
func (s *Server) SetLocale(user, locale string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.people.locales == nil {
		s.people.locales = make(map[string]string)
	}
	s.people.locales[user] = locale
}

func (s *Server) granted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.people.scopes == nil {
		return strings.Split(manifestScopes, ",")
	}
	return slices.Clone(s.people.scopes)
}

// nameScopes says in an answer of the Web API what the token may do.
func (s *Server) nameScopes(h http.Header) { h.Set("X-OAuth-Scopes", strings.Join(s.granted(), ",")) }

// missing returns the scope that a call needs and the token does not have.
func (s *Server) missing(method string, args url.Values) string {
	var needed string
	switch {
	case method == UsersInfo:
		needed = "users:read"
	case method == ConversationsInfo:
		needed = "channels:read"
	case method == SuggestedPrompts:
		needed = "assistant:write"
	case strings.HasPrefix(method, "reactions."):
		needed = "reactions:write"
	case method == FilesInfo:
		needed = "files:read"
	case strings.HasPrefix(method, "files."):
		needed = "files:write"
	case strings.HasPrefix(method, "chat."), strings.HasPrefix(method, "agents.sessions."), method == ThreadStatus:
		needed = "chat:write"
	case method == ConversationsHistory, method == ConversationsReplies:
		return s.missingHistory(args.Get("channel"))
	}
	if needed == "" || slices.Contains(s.granted(), needed) {
		return ""
	}
	return needed
}

// missingHistory goes by the channel's id: a private channel's may begin with C,
// too.
func (s *Server) missingHistory(channel string) string {
	needed := []string{"channels:history", "groups:history"}
	switch {
	case strings.HasPrefix(channel, "D"):
		needed = []string{"im:history"}
	case strings.HasPrefix(channel, "G"): // or that of a few people
		needed = []string{"groups:history", "mpim:history"}
	}
	if slices.ContainsFunc(needed, func(scope string) bool { return slices.Contains(s.granted(), scope) }) {
		return ""
	}
	return needed[0]
}

// userInfo knows everybody.
// Source: https://docs.slack.dev/reference/methods/users.info
func (s *Server) userInfo(args url.Values) any {
	id := args.Get("user")
	user := map[string]any{
		"id": id, "name": "name-" + id, "real_name": "Name " + id, "profile": map[string]any{"display_name": "name-" + id},
	}
	if slices.Contains([]string{"1", "true"}, args.Get("include_locale")) {
		user["locale"] = s.localeOf(id)
	}
	return map[string]any{"ok": true, "user": user}
}

func (s *Server) localeOf(user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if locale, ok := s.people.locales[user]; ok {
		return locale
	}
	return "en-US"
}
