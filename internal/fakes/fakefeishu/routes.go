package fakefeishu

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The codes that the fake gives by itself.
const (
	codeBadParam      = 230001
	codeRecalled      = 230011
	codeTooLong       = 230025
	codeTooOld        = 230031
	codeNotChangeable = 230001
	codeBadFile       = 234001
	codeEmptyFile     = 234010
	codeNoResource    = 234003
	codeBadSecret     = 10014
	codeNoToken       = 99991661
	codeTokenInvalid  = 99991663

	maxTextRequest = 150 << 10 // bytes of the whole request
	maxRichContent = 30 << 10  // bytes of the content of a rich text or a card
	maxFile        = 30 << 20  // likewise, with a file in it
	maxUUID        = 50        // characters

	patchLife = 14 * 24 * time.Hour
)

// answer is the JSON of every answer; each route fills in its own part.
type answer struct {
	Code   int      `json:"code"`
	Msg    string   `json:"msg"`
	Token  string   `json:"tenant_access_token,omitempty"`
	Expire int      `json:"expire,omitempty"`
	Bot    *botInfo `json:"bot,omitempty"`
	Data   any      `json:"data,omitempty"`

	resource *file // instead of JSON; its name is its media type
}

type botInfo struct {
	ActivateStatus int    `json:"activate_status"`
	AppName        string `json:"app_name"`
	OpenID         string `json:"open_id"`
}

// handler has a request's effect and says what to answer. It runs under the lock.
type handler func(r *http.Request, body []byte) (status int, a answer)

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /open-apis/auth/v3/tenant_access_token/internal", s.serve(Token, s.giveToken))
	mux.HandleFunc("POST /callback/ws/endpoint", s.serve(Endpoint, s.giveEndpoint))
	mux.HandleFunc("GET /ws", s.connect)
	mux.HandleFunc("GET /open-apis/bot/v3/info", s.serve(BotInfo, s.authorized(s.giveBot)))
	mux.HandleFunc("POST /open-apis/im/v1/files", s.serve(Files, s.authorized(s.upload)))
	mux.HandleFunc("GET /open-apis/im/v1/messages/{id}/resources/{key}", s.serve(Resources, s.authorized(s.resource)))
	mux.HandleFunc("POST /open-apis/im/v1/messages", s.serve(Create, s.authorized(s.create)))
	mux.HandleFunc("POST /open-apis/im/v1/messages/{id}/reply", s.serve(Reply, s.authorized(s.reply)))
	mux.HandleFunc("GET /open-apis/im/v1/chats/{id}", s.serve(Chat, s.authorized(s.chat)))
	mux.HandleFunc("GET /open-apis/im/v1/messages", s.serve(List, s.authorized(s.list)))
	mux.HandleFunc("PATCH /open-apis/im/v1/messages/{id}", s.serve(Patch, s.authorized(s.patch)))
	mux.HandleFunc("DELETE /open-apis/im/v1/messages/{id}", s.serve(Delete, s.authorized(s.takeBack)))
	mux.HandleFunc("GET /open-apis/im/v1/messages/{id}", s.serve(Get, s.authorized(s.get)))
	mux.HandleFunc("POST /open-apis/ephemeral/v1/send", s.serve(Whisper, s.authorized(s.whisper)))
	s.registrationRoutes(mux)
	s.cardRoutes(mux)
	s.reactionRoutes(mux)
	return mux
}

// serve takes a request through what was scripted for its route.
func (s *Server) serve(route Route, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.base.Enter() {
			panic(http.ErrAbortHandler)
		}
		defer s.base.Leave()
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFile))
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		var f Fault
		s.base.Update(func() {
			s.requests[route]++
			f = s.nextFault(route)
			if f.expire {
				clear(s.tokens)
			}
			if f.status == 0 && f.end == say {
				f = s.answer(route, r, body, h)
			} else if f.take {
				h(r, body)
			}
		})
		s.finish(w, r, f)
	}
}

// answer is what comes of a call that nothing was scripted for.
func (s *Server) answer(route Route, r *http.Request, body []byte, h handler) (f Fault) {
	if f, over := s.apiLimit(route); over {
		return f
	}
	if s.lacks(route) {
		f.status, f.body = noScope(route)
		return f
	}
	f.status, f.body = h(r, body)
	return f
}

func (s *Server) nextFault(route Route) Fault {
	queue := s.faults[route]
	if len(queue) == 0 {
		return Fault{}
	}
	s.faults[route] = queue[1:]
	return queue[0]
}

func (s *Server) finish(w http.ResponseWriter, r *http.Request, f Fault) {
	switch f.end {
	case hang:
		select {
		case <-r.Context().Done():
		case <-s.base.Stopping():
		}
		panic(http.ErrAbortHandler)
	case cut:
		panic(http.ErrAbortHandler) // net/http closes the connection without an answer
	case say:
	}
	maps.Copy(w.Header(), f.header)
	if f.html {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(f.status)
		_, _ = io.WriteString(w, "<html><body>proxy error</body></html>")
		return
	}
	if given := f.body.resource; given != nil {
		w.Header().Set("Content-Type", given.name)
		w.Header().Set("Content-Disposition", "attachment")
		_, _ = io.WriteString(w, given.content)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(f.status)
	_ = json.NewEncoder(w).Encode(f.body)
}

func (s *Server) giveToken(_ *http.Request, body []byte) (int, answer) {
	var req struct {
		AppID  string `json:"app_id"`
		Secret string `json:"app_secret"`
	}
	if json.Unmarshal(body, &req) != nil || req.AppID == "" || req.Secret == "" {
		return http.StatusBadRequest, answer{Code: 10003, Msg: "invalid param"}
	}
	if s.appID != "" && (req.AppID != s.appID || req.Secret != s.secret) {
		return http.StatusOK, answer{Code: codeBadSecret, Msg: "app secret invalid"}
	}
	token := s.newID("t-")
	s.tokens[token] = true
	return http.StatusOK, answer{Msg: "ok", Token: token, Expire: 7200}
}

func (s *Server) authorized(h handler) handler {
	return func(r *http.Request, body []byte) (int, answer) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || token == "" {
			return http.StatusBadRequest, answer{Code: codeNoToken, Msg: "Missing access token for authorization"}
		}
		if !s.tokens[token] {
			return http.StatusBadRequest, answer{Code: codeTokenInvalid, Msg: "Invalid access token for authorization"}
		}
		return h(r, body)
	}
}

func (s *Server) giveBot(*http.Request, []byte) (int, answer) {
	return http.StatusOK, answer{Msg: "ok", Bot: &botInfo{ActivateStatus: 2, AppName: s.bot.Name, OpenID: s.bot.OpenID}}
}

// messageRequest is the body of both ways to send.
type messageRequest struct {
	ReceiveID     string `json:"receive_id"`
	MsgType       string `json:"msg_type"`
	Content       string `json:"content"`
	UUID          string `json:"uuid"`
	ReplyInThread bool   `json:"reply_in_thread"`
}

func (s *Server) create(r *http.Request, body []byte) (int, answer) {
	var req messageRequest
	idType := map[bool]string{true: "open_id", false: "chat_id"}
	if json.Unmarshal(body, &req) != nil || req.ReceiveID == "" || r.URL.Query().Get("receive_id_type") != idType[strings.HasPrefix(req.ReceiveID, "ou_")] {
		return badParam("receive_id")
	}
	return s.show(req, Sent{ChatID: req.ReceiveID}, len(body))
}

func (s *Server) reply(r *http.Request, body []byte) (int, answer) {
	id := r.PathValue("id")
	var req messageRequest
	if json.Unmarshal(body, &req) != nil {
		return badParam("body")
	}
	if s.recalled[id] {
		return http.StatusBadRequest, answer{Code: codeRecalled, Msg: "The message was withdrawn."}
	}
	return s.show(req, Sent{ChatID: s.chats[id], ReplyTo: id, InThread: req.ReplyInThread}, len(body))
}

// whisper shows a card to one member of a group.
func (s *Server) whisper(_ *http.Request, body []byte) (int, answer) {
	var req struct {
		ChatID string `json:"chat_id"`
		OpenID string `json:"open_id"`
		Type   string `json:"msg_type"`
		Card   struct {
			Elements []struct {
				Text struct {
					Content string `json:"content"`
				} `json:"text"`
			} `json:"elements"`
		} `json:"card"`
	}
	if json.Unmarshal(body, &req) != nil || req.ChatID == "" || req.OpenID == "" || req.Type != "interactive" || len(req.Card.Elements) != 1 {
		return badParam("card")
	}
	m := Sent{ID: s.newID("om_"), ChatID: req.ChatID, OnlyFor: req.OpenID, Type: req.Type, Text: req.Card.Elements[0].Text.Content, At: s.now()}
	s.sent = append(s.sent, m)
	return http.StatusOK, answer{Msg: "success", Data: map[string]string{"message_id": m.ID}}
}

// patch changes a card that is shown, if it was made to be changed for everybody.
// https://open.feishu.cn/document/server-docs/im-v1/message-card/patch
func (s *Server) patch(r *http.Request, body []byte) (int, answer) {
	id := r.PathValue("id")
	var req struct{ Content string }
	i := slices.IndexFunc(s.sent, func(m Sent) bool { return m.ID == id })
	switch {
	case json.Unmarshal(body, &req) != nil || len(req.Content) > maxRichContent:
		return badParam("content")
	case i < 0:
		return http.StatusBadRequest, answer{Code: codeRecalled, Msg: "The message was withdrawn."}
	case s.sent[i].Type != "interactive" || !strings.Contains(s.sent[i].Content+req.Content, `"update_multi":true`):
		return http.StatusBadRequest, answer{Code: codeNotChangeable, Msg: "This message is NOT a card."}
	case s.now().Sub(s.sent[i].At) > patchLife:
		return http.StatusBadRequest, answer{Code: codeTooOld, Msg: "The message is too old."}
	case s.tooMuch("patch "+id, patchCalls):
		return limitReached(codeRateLimit)
	}
	changed := s.sent[i]
	changed.Content = req.Content
	if field := s.readCard(&changed); field != "" {
		return badCard(field)
	}
	s.sent[i] = changed
	return http.StatusOK, answer{Msg: "success"}
}

// takeBack removes a message of the bot's.
// https://open.feishu.cn/document/server-docs/im-v1/message/delete
func (s *Server) takeBack(r *http.Request, _ []byte) (int, answer) {
	id := r.PathValue("id")
	i := slices.IndexFunc(s.sent, func(m Sent) bool { return m.ID == id })
	if i < 0 {
		return http.StatusBadRequest, answer{Code: codeRecalled, Msg: "The message was withdrawn."}
	}
	s.sent = slices.Delete(s.sent, i, i+1)
	for uuid, at := range s.uuids {
		switch {
		case at == i:
			delete(s.uuids, uuid)
		case at > i:
			s.uuids[uuid] = at - 1
		}
	}
	return http.StatusOK, answer{Msg: "success"}
}

// show takes a message unless its uuid already stands for one.
func (s *Server) show(req messageRequest, m Sent, size int) (int, answer) {
	m.Type, m.Content, m.UUID, m.At = req.MsgType, req.Content, req.UUID, s.now()
	field, tooLong := s.read(&m, size)
	switch {
	case tooLong:
		return http.StatusBadRequest, answer{Code: codeTooLong, Msg: "The length of the message content reaches its limit."}
	case strings.HasPrefix(field, "card "):
		return badCard(field)
	case field != "":
		return badParam(field)
	case len(req.UUID) > maxUUID:
		return badParam("uuid")
	}
	if i, ok := s.uuids[req.UUID]; ok && req.UUID != "" && m.At.Sub(s.sent[i].At) < uuidLife {
		return http.StatusOK, s.shown(s.sent[i])
	}
	if s.tooMuch("chat "+m.ChatID, chatCalls) {
		return limitReached(codeChatLimit)
	}
	m.ID = s.newID("om_")
	if c := s.cards[m.Card]; c != nil {
		if c.message != "" {
			return http.StatusBadRequest, answer{Code: codeBadCard, Msg: "Failed to create card content, ext=ErrCode: 11310; cardid is invalid"}
		}
		c.message = m.ID
	}
	s.sent = append(s.sent, m)
	s.uuids[m.UUID] = len(s.sent) - 1
	s.chats[m.ID] = m.ChatID
	return http.StatusOK, s.shown(m)
}

func (s *Server) shown(m Sent) answer {
	stamp, thread := strconv.FormatInt(m.At.UnixMilli(), 10), ""
	if m.InThread || s.topics[m.ChatID] {
		thread = "omt_" + m.ReplyTo
	}
	return answer{Msg: "success", Data: map[string]any{
		"thread_id":  thread,
		"message_id": m.ID, "root_id": m.ReplyTo, "parent_id": m.ReplyTo, "msg_type": m.Type, "chat_id": m.ChatID,
		"create_time": stamp, "update_time": stamp, "deleted": false, "updated": false,
		"sender": map[string]string{"id": s.bot.OpenID, "id_type": "open_id", "sender_type": "app"},
		"body":   map[string]string{"content": m.Content},
	}}
}

// badCard refuses a card for what is wrong in it.
func badCard(field string) (int, answer) {
	code := strings.TrimPrefix(field, "card ")
	if code == strconv.Itoa(codeCardTables) {
		code = "11310"
	}
	return http.StatusBadRequest, answer{Code: codeBadCard, Msg: "Failed to create card content, ext=ErrCode: " + code}
}

func badParam(field string) (int, answer) {
	return http.StatusBadRequest, answer{
		Code: codeBadParam, Msg: "Your request contains an invalid request parameter, ext=" + field,
	}
}

func (s *Server) newID(prefix string) string {
	s.made++
	return fmt.Sprintf("%s%06d%x", prefix, s.made, time.Now().UnixNano())
}
