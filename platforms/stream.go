package platforms

import (
	"context"
	"strings"
)

// Streamer is a [Sender] that can show a reply while it is being made, in the
// one message that it ends as. Only the first part of a reply streams, and
// never a file. Errors are of the kinds that Send returns.
//
// The caller commits that a message may be there before it calls Open, and the
// handle before it calls Edit; so whoever takes over after a crash goes on with
// the same message. Each further call overwrites what the message holds, its seq
// is higher than that of every call before it, also of those that an earlier
// process made: a platform that knows sequences refuses a late one by it.
type Streamer interface {
	Sender
	// Streams reports whether a reply may grow at that address. It makes no call.
	Streams(to Address) bool
	// Open shows p, the beginning of a reply, and returns by what its message
	// is known: all that Edit and Close need after a restart, at most 255 bytes.
	// It begins with the message's id, as Send would return it and a [Press] names
	// it; what else there is stands behind a space, see [MessageOf].
	// Called again with the same key it must not show a second message where the
	// platform can prevent that; where it cannot, Find is asked first.
	Open(ctx context.Context, to Address, p Part) (handle string, err error)
	// Edit makes text the whole of what the message shows. A failure costs
	// nothing but time: Close is to come.
	Edit(ctx context.Context, to Address, handle, text string, seq int64) error
	// Close makes p the message, rendered, and ends every sign of work on it.
	// It may be repeated, and works where the stream has expired. An error of
	// kind failure.Permanent means that the message is gone or can no longer be
	// changed, so that p has to be sent anew.
	Close(ctx context.Context, to Address, handle string, p Part, seq int64) error
}

// Withdrawer is a [Streamer] that can take away what it has shown of a reply that
// nobody wants any more.
type Withdrawer interface {
	Streamer
	// Withdraw takes the message away. It may be repeated, and it is no error
	// that there is no such message.
	Withdraw(ctx context.Context, to Address, handle string) error
}

// MessageOf returns the message's id out of a handle.
func MessageOf(handle string) string {
	id, _, _ := strings.Cut(handle, " ")
	return id
}
