package respond

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/parley-bot/parley/internal/failure"
)

// ErrorBody is the form of every error answer.
type ErrorBody struct {
	Error ErrorDetail `json:"error"`
}

// ErrorDetail names what went wrong: a stable code for programs and one
// sentence without internals for people.
type ErrorDetail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// JSON writes v with the given status.
func JSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // our own types; a fault of the program
		status = http.StatusInternalServerError
		body = []byte(`{"error":{"code":"internal","message":"something went wrong on our side"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // nobody is left to tell
}

// Problem writes an error body.
func Problem(w http.ResponseWriter, status int, code, message string) {
	if status == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", "1")
	}
	JSON(w, status, ErrorBody{ErrorDetail{Code: code, Message: message}})
}

// Fail writes the answer for err: the status of its kind, its code and its
// safe sentence. It returns the status.
func Fail(w http.ResponseWriter, err error) int {
	status := StatusOf(err)
	if wait := failure.WaitOf(err); wait > 0 && status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	Problem(w, status, failure.CodeOf(err), failure.SafeOf(err))
	return status
}

// StatusOf returns the HTTP status for the kind of err.
func StatusOf(err error) int {
	switch failure.KindOf(err) {
	case failure.Invalid:
		return http.StatusBadRequest
	case failure.Unauthorized:
		return http.StatusUnauthorized
	case failure.NotFound:
		return http.StatusNotFound
	case failure.Conflict:
		return http.StatusConflict
	case failure.TooLarge:
		return http.StatusRequestEntityTooLarge
	case failure.Unavailable, failure.Retry:
		return http.StatusServiceUnavailable
	default: // Internal, Permanent, Ambiguous
		return http.StatusInternalServerError
	}
}
