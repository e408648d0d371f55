package conversation

import (
	"context"
	"math"
	"slices"

	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/shorten"
)

const (
	// maxRead is the longest text, in bytes, that is read only to show its
	// beginning. SQLite reads a text whole, whatever is asked of it.
	maxRead = 4 << 20
	// maxShownMetadata is the most bytes of metadata that come with it.
	maxShownMetadata = 64 << 10
	// cluster is how many code points more are read, to see where the last
	// character ends.
	cluster = 32
)

const recentQuery = `SELECT m.id, m.conversation_id, m.role, m.author,
	CASE WHEN octet_length(m.content) > ? THEN ? ELSE substr(m.content, 1, ?) END, m.timestamp, m.tokens,
	CASE WHEN octet_length(m.metadata_json) > ? THEN NULL ELSE m.metadata_json END, NULL` + messagesSource + ` ORDER BY m.id DESC LIMIT ?`

// Recent returns the last n messages, commands included, oldest first, with at
// most so many characters of each text and "…" behind one that is longer: what
// people are shown. A text of more than 4 MiB is "…" alone, and metadata of
// more than 64 KiB is left out.
func (m *PersistentConversationManager) Recent(ctx context.Context, id int64, n, chars int) ([]Message, error) {
	if n < 1 || chars < 1 {
		return nil, message.Invalidf("n %d or chars %d is not above 0", n, chars)
	}
	msgs, _, err := m.messages(ctx, m.read(), math.MaxInt, recentQuery, maxRead, shorten.Mark, chars+cluster, maxShownMetadata, id, n)
	if err != nil {
		return nil, err
	}
	for i := range msgs {
		msgs[i].Content = shorten.Line(msgs[i].Content, chars)
	}
	if len(msgs) == 0 {
		_, err = m.Get(ctx, id)
	}
	slices.Reverse(msgs)
	return msgs, err
}
