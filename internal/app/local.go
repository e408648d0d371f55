package app

import (
	"context"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// silent is the sender of the places where the reader waits for the reply
// here: the chat page and the terminal.
type silent struct{ platforms.Sender }

// Silent says that nothing is sent.
func (silent) Silent() bool { return true }

// gone is the sender of a platform that was configured when an event came and
// is not any more: the event is tried again until its attempts are used up.
type gone struct{ name string }

// Split leaves the reply whole.
func (gone) Split(reply string) []string { return []string{reply} }

// Send says why it cannot.
func (g gone) Send(context.Context, platforms.Address, platforms.Part) (string, error) {
	return "", failure.New(failure.Retry, "platform_off", "the platform "+g.name+" is not configured", nil)
}

// Find says why it cannot.
func (g gone) Find(context.Context, platforms.Address, platforms.Part, time.Time) (platforms.Finding, string, error) {
	return platforms.Unknowable, "", failure.New(failure.Retry, "platform_off", "the platform "+g.name+" is not configured", nil)
}
