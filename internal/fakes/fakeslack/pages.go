package fakeslack

import (
	"encoding/json"
	"net/url"
	"strings"
)

// Methods of what people see of an app besides messages.
const (
	ConversationsInfo = "conversations.info"
	ViewsPublish      = "views.publish"
	SuggestedPrompts  = "assistant.threads.setSuggestedPrompts"
)

const maxViewBlocks = 100

// pages are what is shown. Server.mu guards it.
type pages struct {
	homes   map[string]string   // the text of the home tab, by user
	prompts map[string][]string // by channel
}

// Home returns the text of the home tab that a person sees.
func (s *Server) Home(user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pages.homes[user]
}

// Prompts returns what is suggested in a channel.
func (s *Server) Prompts(channel string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pages.prompts[channel]
}

// publish shows the home tab.
// Source: https://docs.slack.dev/reference/methods/views.publish
func (s *Server) publish(args url.Values) any {
	var view struct {
		Type   string            `json:"type"`
		Blocks []json.RawMessage `json:"blocks"`
	}
	var all map[string]any
	raw := []byte(args.Get("view"))
	switch {
	case args.Get("user_id") == "":
		return refusal("invalid_arguments")
	case json.Unmarshal(raw, &view) != nil || json.Unmarshal(raw, &all) != nil || view.Type != "home" || len(view.Blocks) > maxViewBlocks:
		return refusal("invalid_arguments")
	}
	var text strings.Builder
	if !readBlocks(&text, all["blocks"]) {
		return refusal("invalid_arguments")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pages.homes == nil {
		s.pages.homes = make(map[string]string)
	}
	s.pages.homes[args.Get("user_id")] = text.String()
	s.notify()
	return map[string]any{"ok": true, "view": map[string]any{"id": "V00000001", "type": "home"}}
}

// setPrompts suggests what to ask.
// Source: https://docs.slack.dev/reference/methods/assistant.threads.setSuggestedPrompts
func (s *Server) setPrompts(args url.Values) any {
	var prompts []struct{ Title, Message string }
	if json.Unmarshal([]byte(args.Get("prompts")), &prompts) != nil || len(prompts) == 0 || args.Get("channel_id") == "" {
		return refusal("invalid_arguments")
	}
	var list []string
	for _, p := range prompts {
		if p.Title == "" || p.Message == "" {
			return refusal("invalid_arguments")
		}
		list = append(list, p.Message)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pages.prompts == nil {
		s.pages.prompts = make(map[string][]string)
	}
	s.pages.prompts[args.Get("channel_id")] = list
	s.notify()
	return map[string]any{"ok": true}
}

// channelInfo knows every channel.
// Source: https://docs.slack.dev/reference/methods/conversations.info
func (s *Server) channelInfo(args url.Values) any {
	id := args.Get("channel")
	if id == "" {
		return refusal("channel_not_found")
	}
	return map[string]any{"ok": true, "channel": map[string]any{"id": id, "name": "name-" + strings.ToLower(id)}}
}
