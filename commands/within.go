package commands

import (
	"context"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/shorten"
)

const (
	defaultMaxAnswer = 64 << 10

	// aroundAnswer is kept free of an answer, in bytes, for the fence of a code
	// block and the sentence that says that it was cut.
	aroundAnswer = 256

	// maxFile bounds an answer as a file, in bytes: it is kept in the ledger and
	// uploaded within the time of one send.
	maxFile = 4 << 20
)

// room is how many bytes an answer may have by itself.
func (c Call) room() int { return max(c.max-aroundAnswer, 0) }

// within keeps an answer within bounds, whatever the command is and however long
// what it shows: a longer text is cut and says so, a longer file left out.
func (c Call) within(a Answer) Answer {
	a.Text, a.Kept = c.cut(a.Text), c.cut(a.Kept)
	if a.File != nil && len(a.File.Content) > maxFile {
		a.File = nil
	}
	if apply := a.Apply; apply != nil {
		a.Apply = func(ctx context.Context, tx database.Tx, conversationID int64) (string, error) {
			text, err := apply(ctx, tx, conversationID)
			return c.cut(text), err
		}
	}
	return a
}

func (c Call) cut(text string) string {
	if len(text) <= c.room() {
		return text
	}
	return shorten.Bytes(text, c.room()) + "…\n\n" + c.Say("cut.reply")
}
