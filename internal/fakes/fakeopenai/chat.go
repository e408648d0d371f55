package fakeopenai

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

const maxBody = 64 << 20

// authorized checks the bearer key, and lets Close wait for the request.
func (s *Server) authorized(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.base.Enter() {
			panic(http.ErrAbortHandler)
		}
		defer s.base.Leave()
		s.base.Lock()
		key := s.key
		s.base.Unlock()
		if key != "" && r.Header.Get("Authorization") != "Bearer "+key {
			fail(w, http.StatusUnauthorized, "invalid_api_key",
				"Incorrect API key provided: "+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
			return
		}
		next(w, r)
	}
}

// listModels answers GET /models.
func (s *Server) listModels(w http.ResponseWriter, _ *http.Request) {
	s.base.Lock()
	ids := slices.Clone(s.models)
	s.base.Unlock()
	if ids == nil {
		ids = []string{"gpt-4o-mini"}
	}
	list := make([]map[string]any, 0, len(ids))
	for _, id := range ids {
		list = append(list, map[string]any{"id": id, "object": "model", "created": 1, "owned_by": "fake"})
	}
	writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": list})
}

// complete answers POST /chat/completions as the script wants it.
func (s *Server) complete(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return // the client is gone
	}
	call, err := parseCall(r.Header, body, time.Now())
	if err != nil {
		fail(w, http.StatusBadRequest, "", "the body is not JSON: "+err.Error())
		return
	}
	call, step, text := s.record(call)
	if !s.pass(r, step.Gate) || !s.pass(r, after(step.Think)) || step.Hang && !s.pass(r, make(chan struct{})) {
		s.abort()
	}
	switch {
	case step.Drop:
		panic(http.ErrAbortHandler) // closes the connection
	case step.Status != 0:
		scripted(w, step)
	case !s.knows(call.Model):
		fail(w, http.StatusNotFound, "model_not_found", "the model does not exist")
	case Refusal(s.speaks(), body) != "":
		fail(w, http.StatusBadRequest, "invalid_request", Refusal(s.speaks(), body))
	case s.seesNothing() && len(call.Images()) > 0:
		fail(w, http.StatusBadRequest, "", "Invalid content type. image_url is only supported by certain models.")
	case s.wantsAlternation() && !call.alternates():
		fail(w, http.StatusBadRequest, "", "Conversation roles must alternate user/assistant/user/assistant/...")
	case step.Raw != "":
		raw(w, call, step.Raw)
	case call.Stream:
		s.stream(w, r, call, step, text)
	default:
		whole(w, call, step, text)
	}
}

// pass waits for the gate, nil being open, and reports whether the client is still there.
func (s *Server) pass(r *http.Request, gate <-chan struct{}) bool {
	if gate == nil {
		return true
	}
	select {
	case <-gate:
		return true
	case <-r.Context().Done():
		return false
	case <-s.base.Stopping():
		return false
	}
}

// after returns a gate that opens after a while, nil for none.
func after(d time.Duration) <-chan struct{} {
	if d <= 0 {
		return nil
	}
	gate := make(chan struct{})
	time.AfterFunc(d, func() { close(gate) })
	return gate
}

// abort ends a call whose client is gone. Without the panic, net/http would
// answer an empty 200 to a client that is still there when the server closes.
func (s *Server) abort() {
	s.base.Update(func() { s.left++ })
	panic(http.ErrAbortHandler)
}

func (s *Server) knows(model string) bool {
	s.base.Lock()
	defer s.base.Unlock()
	return s.models == nil || slices.Contains(s.models, model)
}

func scripted(w http.ResponseWriter, step Step) {
	w.Header().Set("Content-Type", "application/json")
	for name, values := range step.Header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	w.WriteHeader(step.Status)
	_, _ = io.WriteString(w, step.Body)
}

func raw(w http.ResponseWriter, c Call, body string) {
	if c.Stream {
		w.Header().Set("Content-Type", "text/event-stream")
	}
	_, _ = io.WriteString(w, body)
}

// whole answers in one piece.
func whole(w http.ResponseWriter, c Call, step Step, text string) {
	if step.CutAfter > 0 {
		w.Header().Set("Content-Length", "1000000")
		_, _ = io.WriteString(w, `{"id":"chatcmpl-`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	answer := map[string]any{
		"id": c.id(), "object": "chat.completion", "created": c.At.Unix(), "model": c.Model,
		"choices": []any{map[string]any{
			"index": 0, "finish_reason": step.finish(),
			"message": map[string]any{"role": "assistant", "content": text},
		}},
	}
	if !step.NoUsage {
		answer["usage"] = usage(c, text)
	}
	writeJSON(w, http.StatusOK, answer)
}

// stream answers word by word.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, c Call, step Step, text string) {
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(choices []any, more map[string]any) {
		chunk := map[string]any{
			"id": c.id(), "object": "chat.completion.chunk", "created": c.At.Unix(), "model": c.Model, "choices": choices,
		}
		maps.Copy(chunk, more)
		data, _ := json.Marshal(chunk)
		_, _ = fmt.Fprintf(w, "data: %s\n\n", data)
		_ = http.NewResponseController(w).Flush()
	}
	send(delta(map[string]any{"role": "assistant", "content": ""}, nil), nil)
	if !s.pass(r, step.FirstToken) {
		s.abort()
	}
	for i, piece := range step.pieces(text) {
		if step.CutAfter > 0 && i == step.CutAfter {
			panic(http.ErrAbortHandler)
		}
		if step.Spoil != nil && i == step.Spoil.After {
			break
		}
		if !s.pass(r, after(step.Pause)) || !s.pass(r, step.Slow) {
			s.abort()
		}
		send(delta(map[string]any{"content": piece}, nil), nil)
	}
	if step.Spoil != nil {
		if step.Spoil.Finish {
			send(delta(map[string]any{}, step.finish()), nil)
		}
		s.spoil(w, r, step.Spoil)
		return
	}
	if step.CutAfter > 0 {
		panic(http.ErrAbortHandler)
	}
	if !step.NoFinish {
		send(delta(map[string]any{}, step.finish()), nil)
	}
	if c.IncludeUsage && !step.NoUsage && !step.NoFinish {
		send([]any{}, map[string]any{"usage": usage(c, text)})
	}
	if step.NoDone && !s.pass(r, make(chan struct{})) {
		s.abort()
	}
	if !step.NoFinish {
		_, _ = io.WriteString(w, "data: [DONE]\n\n")
		_ = http.NewResponseController(w).Flush()
	}
}

// spoil ends a stream in the wrong way.
func (s *Server) spoil(w http.ResponseWriter, r *http.Request, how *Spoil) {
	if !s.pass(r, after(how.Pause)) {
		s.abort()
	}
	_, _ = io.WriteString(w, how.Write)
	_ = http.NewResponseController(w).Flush()
	if how.Stall && !s.pass(r, make(chan struct{})) {
		s.abort()
	}
}

func (s Step) pieces(text string) []string {
	if s.Pieces != nil {
		return s.Pieces
	}
	return strings.SplitAfter(text, " ")
}

func (s Step) finish() string {
	if s.FinishReason != "" {
		return s.FinishReason
	}
	return "stop"
}

func (c Call) id() string { return fmt.Sprintf("chatcmpl-%d", c.Number) }

func delta(d map[string]any, finish any) []any {
	return []any{map[string]any{"index": 0, "delta": d, "finish_reason": finish}}
}

// usage counts words as tokens, so that a test can work it out.
func usage(c Call, text string) map[string]any {
	prompt := 0
	for _, m := range c.Messages {
		prompt += len(strings.Fields(m.Content))
	}
	completion := len(strings.Fields(text))
	return map[string]any{"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
}

func fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, errorBody(status, code, message))
}

// errorBody is the API's form of an error.
func errorBody(status int, code, message string) string {
	kind := "invalid_request_error"
	if status >= http.StatusInternalServerError {
		kind = "server_error"
	}
	body := map[string]any{"message": message, "type": kind, "param": nil, "code": nil}
	if code != "" {
		body["code"] = code
	}
	text, _ := json.Marshal(map[string]any{"error": body})
	return string(text)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
