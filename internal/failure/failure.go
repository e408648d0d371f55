// Package failure gives errors a kind that decides what happens next: try
// again, give up, refuse the caller, or ask an admin. Callers branch on the
// kind with [KindOf], never on an error's text.
package failure

import (
	"errors"
	"time"
)

// Kind says what to do about an error.
type Kind uint8

const (
	// Internal is an unexpected fault: the log sees it, the caller a plain sentence.
	Internal Kind = iota
	// Retry did not happen and may succeed later, after [WaitOf].
	Retry
	// Permanent did not happen and never will.
	Permanent
	// Ambiguous may or may not have happened: it must not be repeated blindly.
	Ambiguous
	// Invalid is the caller's own fault: the input cannot be accepted as it is.
	Invalid
	// Unauthorized is a missing, wrong or stale proof of identity.
	Unauthorized
	// NotFound names something that does not exist.
	NotFound
	// Conflict contradicts what is already there.
	Conflict
	// TooLarge is an input over its limit.
	TooLarge
	// Unavailable cannot be served now; nothing was changed.
	Unavailable
)

// Error is an error with a kind, a stable code for programs, a sentence that
// may be shown to anybody, and the cause for the log.
type Error struct {
	Kind Kind
	Code string        // snake_case, for programs
	Safe string        // one sentence without internals
	Wait time.Duration // with Retry and Unavailable: how long whoever asked is to wait; 0 = not said
	// Scope is what the wait holds for: the scope of a platforms.Limit, such as
	// one chat. "" = everything behind the same endpoint.
	Scope string
	Err   error // the cause; never shown outside the log
}

// Error returns the whole text with the cause, for the log.
func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return e.Safe
	case e.Safe == "":
		return e.Err.Error()
	default:
		return e.Safe + ": " + e.Err.Error()
	}
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New returns an error of the given kind. cause may be nil.
func New(kind Kind, code, safe string, cause error) *Error {
	return &Error{Kind: kind, Code: code, Safe: safe, Err: cause}
}

// RetryAfter returns a Retry error that asks to wait.
func RetryAfter(wait time.Duration, code, safe string, cause error) *Error {
	return &Error{Kind: Retry, Code: code, Safe: safe, Wait: wait, Err: cause}
}

// Limited returns a Retry error of a limit that holds for scope alone, see
// [Error.Scope]. wait is what the other side asked for, 0 when it did not say.
func Limited(scope string, wait time.Duration, code, safe string, cause error) *Error {
	return &Error{Kind: Retry, Code: code, Safe: safe, Wait: wait, Scope: scope, Err: cause}
}

// ScopeOf returns what the wait holds for, "" for the whole endpoint.
func ScopeOf(err error) string {
	if e, ok := as(err); ok {
		return e.Scope
	}
	return ""
}

// KindOf returns the kind of the outermost Error in err's chain, Internal when there is none.
func KindOf(err error) Kind {
	if e, ok := as(err); ok {
		return e.Kind
	}
	return Internal
}

// WaitOf returns how long the other side asked to wait, 0 when it did not say.
func WaitOf(err error) time.Duration {
	if e, ok := as(err); ok {
		return e.Wait
	}
	return 0
}

// CodeOf returns the code for programs, "internal" when there is none.
func CodeOf(err error) string {
	if e, ok := as(err); ok && e.Code != "" {
		return e.Code
	}
	return "internal"
}

// SafeOf returns the sentence that may be shown to anybody.
func SafeOf(err error) string {
	if e, ok := as(err); ok && e.Safe != "" {
		return e.Safe
	}
	return "something went wrong on our side"
}

func as(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}
