package ai

import (
	"context"
	"errors"
	"time"
)

// MaxReplyTime is how long making a reply may take at most, whoever makes it
// and however steadily it comes.
const MaxReplyTime = 15 * time.Minute

// finishLength is the finish reason of an answer that a limit has cut.
const finishLength = "length"

var (
	errReplyTime = errors.New("the longest time for a reply is over")
	errNoSign    = errors.New("no sign of life from the model")
)

// listening returns a context that ends when alive was not called for so long;
// 0 = never. stop gives it back.
func listening(ctx context.Context, silence time.Duration) (heard context.Context, alive, stop func()) {
	if silence <= 0 {
		return ctx, func() {}, func() {}
	}
	heard, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(silence, func() { cancel(errNoSign) })
	return heard, func() { timer.Reset(silence) }, func() { timer.Stop(); cancel(nil) }
}
