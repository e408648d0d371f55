package fakeslack

import (
	"net/url"
	"slices"
	"unicode/utf8"
)

// Methods of signs that something is being done.
const (
	ThreadStatus    = "assistant.threads.setStatus"
	SessionStatus   = "agents.sessions.setStatus"
	SessionRename   = "agents.sessions.rename"
	ReactionsAdd    = "reactions.add"
	ReactionsRemove = "reactions.remove"
)

// signs are what people see besides messages. Server.mu guards it.
type signs struct {
	status    map[string]string   // by channel and thread
	sessions  map[string]string   // likewise
	reactions map[string][]string // the bot's, by channel and time
	titles    map[string]string   // of agents' sessions, by channel and thread
}

// Status returns the status of a thread.
func (s *Server) Status(channel, thread string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signs.status[channel+":"+thread]
}

// Reactions returns those of the bot to a message.
func (s *Server) Reactions(channel, ts string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.signs.reactions[channel+":"+ts])
}

// Signs returns how many statuses and reactions are to be seen.
func (s *Server) Signs() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, all := range s.signs.reactions {
		n += len(all)
	}
	for _, status := range s.signs.sessions {
		if status == "processing" {
			n++
		}
	}
	return n + len(s.signs.status)
}

// Session returns the status of an agent's session.
func (s *Server) Session(channel, thread string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signs.sessions[channel+":"+thread]
}

// Title returns what an agent's session is called.
func (s *Server) Title(channel, thread string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signs.titles[channel+":"+thread]
}

const maxTitle = 200 // characters

// setSession sets the status of an agent's session, which stays until it is set
// again.
// Source: https://docs.slack.dev/reference/methods/agents.sessions.setStatus
func (s *Server) setSession(args url.Values) any {
	status := args.Get("status")
	if !slices.Contains([]string{"processing", "active", "suspended", "closed"}, status) || args.Get("channel_id") == "" ||
		args.Get("thread_ts") == "" || utf8.RuneCountInString(args.Get("title")) > maxTitle {
		return refusal("invalid_arguments")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signs.sessions == nil {
		s.signs.sessions = make(map[string]string)
	}
	key := args.Get("channel_id") + ":" + args.Get("thread_ts")
	s.signs.sessions[key] = status
	if title := args.Get("title"); title != "" {
		s.entitle(key, title)
	}
	s.notify()
	return map[string]any{"ok": true, "status": status, "agent_status": status}
}

// renameSession gives a session that there is another title.
// Source: https://docs.slack.dev/reference/methods/agents.sessions.rename
func (s *Server) renameSession(args url.Values) any {
	title, key := args.Get("title"), args.Get("channel_id")+":"+args.Get("thread_ts")
	if n := utf8.RuneCountInString(title); n == 0 || n > maxTitle || args.Get("channel_id") == "" {
		return refusal("invalid_arguments")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signs.sessions[key] == "" {
		return refusal("session_not_found")
	}
	s.entitle(key, title)
	s.notify()
	return map[string]any{"ok": true, "title": title}
}

// entitle names a session. The caller holds mu.
func (s *Server) entitle(session, title string) {
	if s.signs.titles == nil {
		s.signs.titles = make(map[string]string)
	}
	s.signs.titles[session] = title
}

// setStatus sets the status of a thread, or clears it. A message of the app in
// the thread clears it, too.
// Source: https://docs.slack.dev/reference/methods/assistant.threads.setStatus
func (s *Server) setStatus(args url.Values) any {
	channel, thread := args.Get("channel_id"), args.Get("thread_ts")
	if channel == "" || thread == "" {
		return refusal("invalid_arguments")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signs.status == nil {
		s.signs.status = make(map[string]string)
	}
	s.signs.status[channel+":"+thread] = args.Get("status")
	if args.Get("status") == "" {
		delete(s.signs.status, channel+":"+thread)
	}
	s.notify()
	return map[string]any{"ok": true}
}

// Source: https://docs.slack.dev/reference/methods/reactions.add
func (s *Server) addReaction(args url.Values) any {
	return s.react(args, func(all []string, name string) ([]string, string) {
		if slices.Contains(all, name) {
			return all, "already_reacted"
		}
		return append(all, name), ""
	})
}

// Source: https://docs.slack.dev/reference/methods/reactions.remove
func (s *Server) removeReaction(args url.Values) any {
	return s.react(args, func(all []string, name string) ([]string, string) {
		i := slices.Index(all, name)
		if i < 0 {
			return all, "no_reaction"
		}
		return slices.Delete(all, i, i+1), ""
	})
}

func (s *Server) react(args url.Values, change func([]string, string) ([]string, string)) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := args.Get("channel") + ":" + args.Get("timestamp")
	if s.gone[key] {
		return refusal("message_not_found")
	}
	all, code := change(s.signs.reactions[key], args.Get("name"))
	if code != "" {
		return refusal(code)
	}
	if s.signs.reactions == nil {
		s.signs.reactions = make(map[string][]string)
	}
	s.signs.reactions[key] = all
	s.notify()
	return map[string]any{"ok": true}
}
