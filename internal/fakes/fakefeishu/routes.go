package fakefeishu

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The codes that the fake gives by itself.
const (
	codeBadParam     = 230001
	codeRecalled     = 230011
	codeTooLong      = 230025
	codeBadFile      = 234001
	codeEmptyFile    = 234010
	codeBadSecret    = 10014
	codeNoToken      = 99991661
	codeTokenInvalid = 99991663

	maxTextRequest = 150 << 10 // bytes of the whole request
	maxFile        = 30 << 20  // likewise, with a file in it
	maxUUID        = 50        // characters
)

// answer is the JSON of every answer; each route fills in its own part.
type answer struct {
	Code   int      `json:"code"`
	Msg    string   `json:"msg"`
	Token  string   `json:"tenant_access_token,omitempty"`
	Expire int      `json:"expire,omitempty"`
	Bot    *botInfo `json:"bot,omitempty"`
	Data   any      `json:"data,omitempty"`
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
	mux.HandleFunc("GET /open-apis/bot/v3/info", s.serve(BotInfo, s.authorized(s.giveBot)))
	mux.HandleFunc("POST /open-apis/im/v1/files", s.serve(Files, s.authorized(s.upload)))
	mux.HandleFunc("POST /open-apis/im/v1/messages", s.serve(Create, s.authorized(s.create)))
	mux.HandleFunc("POST /open-apis/im/v1/messages/{id}/reply", s.serve(Reply, s.authorized(s.reply)))
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
				f.status, f.body = h(r, body)
			} else if f.take {
				h(r, body)
			}
		})
		s.finish(w, r, f)
	}
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
	if r.URL.Query().Get("receive_id_type") != "chat_id" || json.Unmarshal(body, &req) != nil || req.ReceiveID == "" {
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

// show takes a message unless its uuid already stands for one.
func (s *Server) show(req messageRequest, m Sent, size int) (int, answer) {
	var content struct {
		Text    string `json:"text"`
		FileKey string `json:"file_key"`
	}
	unread := json.Unmarshal([]byte(req.Content), &content) != nil
	sent, known := s.files[content.FileKey]
	switch {
	case req.MsgType != "text" && req.MsgType != "file":
		return badParam("msg_type")
	case unread, req.MsgType == "text" && content.Text == "", req.MsgType == "file" && !known:
		return badParam("content")
	case len(req.UUID) > maxUUID:
		return badParam("uuid")
	case size > maxTextRequest:
		return http.StatusBadRequest, answer{Code: codeTooLong, Msg: "The length of the message content reaches its limit."}
	}
	now := s.now()
	if i, ok := s.uuids[req.UUID]; ok && req.UUID != "" && now.Sub(s.sent[i].At) < uuidLife {
		return http.StatusOK, s.shown(s.sent[i])
	}
	m.ID, m.Type, m.Content, m.UUID, m.At = s.newID("om_"), req.MsgType, req.Content, req.UUID, now
	if m.Text = content.Text; req.MsgType == "file" {
		m.File, m.Text = sent.name, sent.content
	}
	s.sent = append(s.sent, m)
	s.uuids[m.UUID] = len(s.sent) - 1
	s.chats[m.ID] = m.ChatID
	return http.StatusOK, s.shown(m)
}

func (s *Server) shown(m Sent) answer {
	stamp := strconv.FormatInt(m.At.UnixMilli(), 10)
	return answer{Msg: "success", Data: map[string]any{
		"message_id": m.ID, "root_id": m.ReplyTo, "parent_id": m.ReplyTo, "msg_type": m.Type, "chat_id": m.ChatID,
		"create_time": stamp, "update_time": stamp, "deleted": false, "updated": false,
		"sender": map[string]string{"id": s.bot.OpenID, "id_type": "open_id", "sender_type": "app"},
		"body":   map[string]string{"content": m.Content},
	}}
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
