package fakefeishu

import (
	"encoding/json"
	"net/http"
	"slices"
)

// The routes of reactions to messages.
const (
	React     Route = "react"
	Unreact   Route = "unreact"
	Reactions Route = "reactions"
)

const codeNoReaction = 231010

// reaction is one of the app's to a message.
type reaction struct{ message, emoji string }

func (s *Server) reactionRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /open-apis/im/v1/messages/{id}/reactions", s.serve(React, s.authorized(s.react)))
	mux.HandleFunc("DELETE /open-apis/im/v1/messages/{id}/reactions/{reaction}", s.serve(Unreact, s.authorized(s.unreact)))
	mux.HandleFunc("GET /open-apis/im/v1/messages/{id}/reactions", s.serve(Reactions, s.authorized(s.reactions)))
}

// react adds a reaction; the same again is the same one.
// https://open.feishu.cn/document/server-docs/im-v1/message-reaction/create
func (s *Server) react(r *http.Request, body []byte) (int, answer) {
	var req struct {
		Type struct {
			Emoji string `json:"emoji_type"`
		} `json:"reaction_type"`
	}
	if json.Unmarshal(body, &req) != nil || req.Type.Emoji == "" {
		return badParam("reaction_type")
	}
	message := r.PathValue("id")
	if s.recalled[message] {
		return http.StatusBadRequest, answer{Code: 231003, Msg: "The message is not found."}
	}
	made := reaction{message: message, emoji: req.Type.Emoji}
	for id, one := range s.signs {
		if one == made {
			return http.StatusOK, s.reactionAnswer(id, one)
		}
	}
	id := s.newID("r_")
	s.signs[id] = made
	return http.StatusOK, s.reactionAnswer(id, made)
}

func (s *Server) reactionAnswer(id string, one reaction) answer {
	return answer{Msg: "success", Data: s.reactionData(id, one)}
}

func (s *Server) reactionData(id string, one reaction) map[string]any {
	return map[string]any{
		"reaction_id": id, "operator": map[string]string{"operator_id": "cli_fake", "operator_type": "app"},
		"reaction_type": map[string]string{"emoji_type": one.emoji},
	}
}

func (s *Server) unreact(r *http.Request, _ []byte) (int, answer) {
	id := r.PathValue("reaction")
	if s.signs[id].message != r.PathValue("id") {
		return http.StatusBadRequest, answer{Code: codeNoReaction, Msg: "The reaction does not exist."}
	}
	gone := s.signs[id]
	delete(s.signs, id)
	return http.StatusOK, s.reactionAnswer(id, gone)
}

func (s *Server) reactions(r *http.Request, _ []byte) (int, answer) {
	items := []any{}
	for id, one := range s.signs {
		if one.message == r.PathValue("id") && (r.URL.Query().Get("reaction_type") == "" || r.URL.Query().Get("reaction_type") == one.emoji) {
			items = append(items, s.reactionData(id, one))
		}
	}
	return http.StatusOK, answer{Msg: "success", Data: map[string]any{"items": items, "has_more": false}}
}

// Signs returns the names of the app's reactions to a message.
func (s *Server) Signs(messageID string) []string {
	s.base.Lock()
	defer s.base.Unlock()
	var names []string
	for _, one := range s.signs {
		if one.message == messageID {
			names = append(names, one.emoji)
		}
	}
	slices.Sort(names)
	return names
}
