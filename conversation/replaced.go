package conversation

import (
	"context"
	"encoding/json"
	"errors"
	"io"
)

// errSeen ends a scan that has seen what it wanted.
var errSeen = errors.New("seen")

// Replaced returns the conversation that an import of the file with mode
// replace would take the place of; [ErrNotFound] where there is none. It reads
// no further than the file's own conversation, which exports begin with.
func (m *PersistentConversationManager) Replaced(ctx context.Context, file io.ReaderAt, size int64) (*Conversation, error) {
	var head Conversation
	err := source{file, size}.scan(visitor{
		head: func(text json.RawMessage) error {
			if err := decodeHead(text, &head); err != nil {
				return err
			}
			return errSeen
		},
		message: func(int, json.RawMessage) error { return ctx.Err() },
	})
	if !errors.Is(err, errSeen) {
		return nil, err
	}
	return m.Find(ctx, head.Key())
}
