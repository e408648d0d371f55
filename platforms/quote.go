package platforms

import (
	"context"
	"time"
)

// Quoter is a platform that can read what a message answers or forwards.
type Quoter interface {
	// Quoted returns the words of what e refers to, see [Event].Quotes, one line
	// or more for each message; "" when there is nothing to read. They are other
	// people's, and for the model to see alone.
	Quoted(ctx context.Context, e Event) (string, error)
}

// ThreadReader is a platform that can read the thread in which the bot was asked.
type ThreadReader interface {
	// Above returns what was said in e's thread before e, a line or more for each
	// message, behind who has said it; "" when there is nothing to read. After since
	// it leaves out what the bot itself has said; zero means from the beginning. The
	// words are other people's, and for the model to see alone.
	Above(ctx context.Context, e Event, since time.Time) (string, error)
}
