package platforms

import (
	"context"
	"time"
)

// Signer is a [Sender] that can show that a reply is being made, such as a
// typing sign. Nothing depends on a sign: its failures are logged at most. But
// it must not outlive the reply, after a crash neither; so the caller commits
// what Sign returned before it goes on, or calls Unsign with "" afterwards.
type Signer interface {
	Sender
	// Sign shows that the message at that address is being answered. words say so
	// where the platform shows words ("is thinking…"). It returns what Unsign
	// finds the sign by, at most 255 bytes, and how long it is seen: before that
	// has passed Sign is to be called again; 0 = until it is taken away.
	Sign(ctx context.Context, to Address, words string) (sign string, lasts time.Duration, err error)
	// Unsign takes a sign away; "" means whatever sign of ours is there. It may be
	// repeated, and it is no error that there is none.
	Unsign(ctx context.Context, to Address, sign string) error
}
