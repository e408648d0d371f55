package fakeslack

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of Slack's that matter to a sender, in characters.
const (
	maxPost   = 40000 // longer text is cut off
	maxUpdate = 4000  // longer text is refused
)

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for method, run := range map[string]func(url.Values) any{
		AuthTest:             s.authTest,
		ChatPostMessage:      s.postMessage,
		ChatPostEphemeral:    s.postEphemeral,
		ChatUpdate:           s.update,
		ChatDelete:           s.remove,
		ThreadStatus:         s.setStatus,
		SessionStatus:        s.setSession,
		SessionRename:        s.renameSession,
		ReactionsAdd:         s.addReaction,
		ReactionsRemove:      s.removeReaction,
		ChatStartStream:      s.startStream,
		ChatAppendStream:     s.appendStream,
		ChatStopStream:       s.stopStream,
		ConversationsHistory: s.history,
		ConversationsReplies: s.replies,
		FilesGetUploadURL:    s.getUploadURL,
		FilesCompleteUpload:  s.completeUpload,
		FilesInfo:            s.fileInfo,
		UsersInfo:            s.userInfo,
		ConversationsInfo:    s.channelInfo,
		ViewsPublish:         s.publish,
		SuggestedPrompts:     s.setPrompts,
	} {
		mux.HandleFunc("/api/"+method, func(w http.ResponseWriter, r *http.Request) { s.call(w, r, method, run) })
	}
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, refusal("unknown_method")) })
	mux.HandleFunc("/api/"+AppsManifestCreate, s.createApp)
	mux.HandleFunc("POST /commands/", s.respond)
	mux.HandleFunc("POST /upload/", s.upload)
	mux.HandleFunc("GET /files-pri/", s.serveHosted)
	s.socketRoutes(mux)
	mux.HandleFunc("GET /fake/messages", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, slices.Concat([]Message{}, s.Messages()))
	})
	return mux
}

// call runs one method of the Web API.
func (s *Server) call(w http.ResponseWriter, r *http.Request, method string, run func(url.Values) any) {
	args, err := arguments(r)
	fault := s.begin(method)
	if wait := s.limited(method, args); wait > 0 && fault == (Fault{}) {
		fault = RateLimit(wait)
	}
	s.nameScopes(w.Header())
	s.perform(w, r, fault, func() any {
		token := cmp.Or(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), args.Get("token"))
		switch {
		case err != nil:
			return refusal("invalid_form_data")
		case token == "":
			return refusal("not_authed")
		case token != s.opts.Token:
			return refusal("invalid_auth")
		}
		if needed := s.missing(method, args); needed != "" {
			return map[string]any{"ok": false, "error": "missing_scope", "needed": needed, "provided": strings.Join(s.granted(), ",")}
		}
		return run(args)
	})
}

// arguments reads a form or a JSON object, whichever was sent.
func arguments(r *http.Request) (url.Values, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/json" {
		err := r.ParseForm()
		return r.Form, err
	}
	var object map[string]any
	if err := json.NewDecoder(r.Body).Decode(&object); err != nil {
		return nil, err
	}
	args := make(url.Values)
	for name, v := range object {
		if text, ok := v.(string); ok {
			args.Set(name, text)
			continue
		}
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		args.Set(name, string(raw))
	}
	return args, nil
}

func refusal(code string) map[string]any {
	return map[string]any{"ok": false, "error": code}
}

func (s *Server) authTest(url.Values) any {
	return map[string]any{
		"ok": true, "url": s.url + "/", "team": s.opts.Team, "user": "parley",
		"team_id": s.opts.TeamID, "user_id": s.opts.BotUser, "bot_id": s.opts.BotID,
	}
}

func (s *Server) postMessage(args url.Values) any {
	m := Message{
		Channel: args.Get("channel"), ThreadTS: args.Get("thread_ts"), User: s.opts.BotUser, BotID: s.opts.BotID,
		Text: cut(args.Get("text")), Blocks: blocksIn(args),
	}
	switch code := refuseBlocks(args.Get("blocks")); {
	case m.Channel == "":
		return refusal("channel_not_found")
	case code != "":
		return refusal(code)
	case m.Text == "" && args.Get("blocks") == "" && args.Get("attachments") == "":
		return refusal("no_text")
	}
	if raw := args.Get("metadata"); raw != "" {
		if err := json.Unmarshal([]byte(raw), &m.Metadata); err != nil {
			return refusal("invalid_metadata_format")
		}
	}
	if s.isGone(m.Channel, m.ThreadTS) {
		m.ThreadTS = "" // without a word
	}
	m.TS = s.add(m)
	return map[string]any{"ok": true, "channel": m.Channel, "ts": m.TS, "message": m.wire(true)}
}

// postEphemeral shows a message to one person.
func (s *Server) postEphemeral(args url.Values) any {
	m := Message{
		Channel: args.Get("channel"), ThreadTS: args.Get("thread_ts"), User: s.opts.BotUser, BotID: s.opts.BotID,
		Text: cut(args.Get("text")), Blocks: blocksIn(args), Ephemeral: true,
	}
	switch code := refuseBlocks(args.Get("blocks")); {
	case m.Channel == "":
		return refusal("channel_not_found")
	case code != "":
		return refusal(code)
	case args.Get("user") == "":
		return refusal("user_not_in_channel")
	case m.Text == "":
		return refusal("no_text")
	}
	return map[string]any{"ok": true, "message_ts": s.add(m)}
}

func blocksIn(args url.Values) json.RawMessage {
	if args.Get("blocks") == "" {
		return nil
	}
	return json.RawMessage(args.Get("blocks"))
}

// cut shortens text that is too long, without a word, as Slack does.
func cut(text string) string {
	if utf8.RuneCountInString(text) <= maxPost {
		return text
	}
	return string([]rune(text)[:maxPost])
}

func (s *Server) update(args url.Values) any {
	text := args.Get("text")
	if utf8.RuneCountInString(text) > maxUpdate {
		return refusal("msg_too_long")
	}
	if code := refuseBlocks(args.Get("blocks")); code != "" {
		return refusal(code)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.find(args)
	switch {
	case m == nil:
		return refusal("message_not_found")
	case m.StreamingState == Streaming:
		return refusal("streaming_state_conflict")
	case m.StreamingState != "" && args.Get("blocks") == "":
		return refusal("block_mismatch") // what was rich text cannot become plain
	}
	if raw := args.Get("metadata"); raw != "" && json.Unmarshal([]byte(raw), &m.Metadata) != nil {
		return refusal("invalid_metadata_format")
	}
	if m.StreamingState == Errored {
		m.StreamingState = Completed
	}
	m.Text, m.Blocks = text, blocksIn(args) // text alone takes the blocks away
	m.Edited = m.Edited || m.Blocks == nil  // blocks leave no mark
	s.notify()
	return map[string]any{"ok": true, "channel": m.Channel, "ts": m.TS, "text": text}
}

// respond takes a post to a response URL.
func (s *Server) respond(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Text   string          `json:"text"`
		Blocks json.RawMessage `json:"blocks"`
	}
	raw, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(raw, &body)
	}
	fault := s.begin(ResponseURL)
	status := s.useURL(r.URL.Path)
	switch {
	case err != nil:
		status = http.StatusBadRequest
	case body.Text == "" && status == http.StatusOK:
		status = http.StatusBadRequest
	}
	if status != http.StatusOK && fault == (Fault{}) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		writeJSON(w, refusal("used_url"))
		return
	}
	s.perform(w, r, fault, func() any {
		s.add(Message{User: s.opts.BotUser, BotID: s.opts.BotID, Text: body.Text, Blocks: body.Blocks, Ephemeral: true})
		return map[string]any{"ok": true}
	})
}

func (s *Server) useURL(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	uses, known := s.urlUses[path]
	if !known || uses >= responseURLUses {
		return http.StatusNotFound
	}
	s.urlUses[path]++
	return http.StatusOK
}

// history lists a channel, newest first, without what is inside threads.
func (s *Server) history(args url.Values) any {
	list := s.selectMessages(args, func(m *Message) bool { return m.ThreadTS == "" || m.ThreadTS == m.TS })
	slices.Reverse(list)
	return paged(list, args)
}

// replies lists a thread, oldest first.
func (s *Server) replies(args url.Values) any {
	ts := args.Get("ts")
	if s.isGone(args.Get("channel"), ts) {
		return refusal("thread_not_found")
	}
	return paged(s.selectMessages(args, func(m *Message) bool { return m.ThreadTS == ts || m.TS == ts }), args)
}

func (s *Server) selectMessages(args url.Values, want func(*Message) bool) []Message {
	inclusive := slices.Contains([]string{"1", "true"}, args.Get("inclusive"))
	oldest, latest := args.Get("oldest"), args.Get("latest")
	var list []Message
	for _, m := range s.Messages() {
		after := oldest == "" || m.TS > oldest || (inclusive && m.TS == oldest)
		before := latest == "" || m.TS < latest || (inclusive && m.TS == latest)
		if m.Channel == args.Get("channel") && !m.Ephemeral && after && before && want(&m) {
			list = append(list, m)
		}
	}
	return list
}

func paged(list []Message, args url.Values) any {
	limit, err := strconv.Atoi(args.Get("limit"))
	if err != nil || limit <= 0 {
		limit = 100
	}
	limit = min(limit, 1000)
	from := 0
	if cursor := args.Get("cursor"); cursor != "" {
		raw, _ := base64.StdEncoding.DecodeString(cursor)
		if from, err = strconv.Atoi(string(raw)); err != nil || from < 0 || from > len(list) {
			return refusal("invalid_cursor")
		}
	}
	to := min(from+limit, len(list))
	withMetadata := slices.Contains([]string{"1", "true"}, args.Get("include_all_metadata"))
	messages := []any{}
	for _, m := range list[from:to] {
		messages = append(messages, m.wire(withMetadata))
	}
	next := ""
	if to < len(list) {
		next = base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(to)))
	}
	return map[string]any{
		"ok": true, "messages": messages, "has_more": next != "",
		"response_metadata": map[string]any{"next_cursor": next},
	}
}

// wire is a message as the Web API tells of it.
func (m *Message) wire(withMetadata bool) map[string]any {
	v := map[string]any{"type": "message", "user": m.User, "text": m.Text, "ts": m.TS}
	if m.BotID != "" {
		v["bot_id"] = m.BotID
	}
	if m.ThreadTS != "" {
		v["thread_ts"] = m.ThreadTS
	}
	if m.StreamingState != "" {
		v["streaming_state"] = m.StreamingState
	}
	if m.Blocks != nil {
		v["blocks"] = m.Blocks
	}
	if len(m.Files) > 0 {
		v["files"] = wireFiles(m.Files)
	}
	if withMetadata && m.Metadata != nil {
		v["metadata"] = m.Metadata
	}
	return v
}
