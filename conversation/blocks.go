package conversation

import (
	"context"
	"math"
	"net/url"
	"strings"

	"github.com/parley-bot/parley/conversation/recall"
	"github.com/parley-bot/parley/internal/database"
)

// Blocks of messages are what a search looks through, see package recall. They
// are built behind the commits, by Index: whole ones only, and what is
// newer is read from the messages. Whoever removes a message removes its block.

// maxSearched bounds the bytes of a message that is looked through at all, and
// searchedChars how much of it.
const (
	maxSearched   = 4 << 20
	searchedChars = 16 << 10
)

// searched is which messages are looked through: not what is said to the bot's
// commands, and not what tools have answered.
const searched = ` AND m.is_command = 0 AND m.role <> 'tool' AND m.content <> ''`

// searchedSource is where a range of them comes from. (With the conversation's
// own first id as well SQLite would begin there.)
const searchedSource = ` FROM conversations c JOIN messages m ON m.conversation_id = c.id AND m.id >= ? AND m.id < ?
	WHERE c.id = ? AND c.visible = 1` + searched

const searchedQuery = `SELECT m.id, m.conversation_id, m.role, m.author,
	CASE WHEN octet_length(m.content) > ? THEN '' ELSE substr(m.content, 1, ?) END, m.timestamp, m.tokens,
	CASE WHEN octet_length(m.metadata_json) > ? THEN NULL ELSE m.metadata_json END, NULL` + searchedSource + ` ORDER BY m.id`

// packed makes a block from the messages with ids from first, and returns how many they are.
func (m *PersistentConversationManager) packed(ctx context.Context, c *Conversation, block, first int64) (recall.Block, int, error) {
	base := block * recall.BlockSize
	msgs, _, err := m.messages(ctx, m.read(), math.MaxInt, searchedQuery, maxSearched, searchedChars, maxShownMetadata,
		max(first, base), base+recall.BlockSize, c.ID)
	if err != nil {
		return nil, 0, err
	}
	docs := make([]recall.Document, len(msgs))
	for i := range msgs {
		msg := &msgs[i]
		docs[i] = recall.Document{ID: msg.ID, Text: msg.Content, Author: nameIn(c, msg), Time: msg.Timestamp}
	}
	return recall.Pack(docs), len(docs), nil
}

// nameIn returns what a message's author is called: by name where one is known,
// else by the sender in the user key.
func nameIn(c *Conversation, msg *Message) string {
	if name := msg.SenderName(); name != "" {
		return name
	}
	_, rest, _ := strings.Cut(authorIn(c, msg), ":")
	_, sender, _ := strings.Cut(rest, ":")
	if name, err := url.PathUnescape(sender); err == nil && name != "*" {
		return name
	}
	return ""
}

// authorIn returns the user key of who wrote a message, "" of what the bot said.
func authorIn(c *Conversation, msg *Message) string {
	if msg.Author == "" && msg.Role == RoleUser {
		return c.UserKey
	}
	return msg.Author
}

// dropBlocksTx removes the blocks of messages that are removed.
func (m *PersistentConversationManager) dropBlocksTx(ctx context.Context, tx database.Tx, id, first, last int64) error {
	_, err := m.db.Exec(ctx, tx, `DELETE FROM message_blocks WHERE conversation_id = ? AND block >= ? AND block <= ?`,
		id, first/recall.BlockSize, last/recall.BlockSize)
	return err
}

// buildBlocks stores the blocks of a conversation that are whole and not there.
func (m *PersistentConversationManager) buildBlocks(ctx context.Context, id int64) error {
	c, next, err := m.oneUpTo(ctx, m.read(), `id = ?`, id)
	if err != nil {
		return err
	}
	there, err := database.Values[int64](ctx, m.db, m.read(), `SELECT block FROM message_blocks WHERE conversation_id = ? ORDER BY block`, id)
	if err != nil {
		return err
	}
	first, err := m.firstID(ctx, id)
	if err != nil {
		return err
	}
	for block := first / recall.BlockSize; block < next/recall.BlockSize; block++ {
		for len(there) > 0 && there[0] < block {
			there = there[1:]
		}
		if len(there) > 0 && there[0] == block {
			continue
		}
		if err := m.buildBlock(ctx, c, block, first); err != nil {
			return err
		}
	}
	return nil
}

// firstID returns before which id the messages of a conversation are hidden.
func (m *PersistentConversationManager) firstID(ctx context.Context, id int64) (first int64, err error) {
	err = m.db.QueryRow(ctx, m.read(), []any{&first}, `SELECT first_id FROM conversations WHERE id = ?`, id)
	return first, err
}

// buildBlock stores a block unless a message was removed while it was made.
func (m *PersistentConversationManager) buildBlock(ctx context.Context, c *Conversation, block, first int64) error {
	packed, messages, err := m.packed(ctx, c, block, first)
	if err != nil {
		return err
	}
	base := block * recall.BlockSize
	return m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		held, err := m.holdID(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		left := 0
		err = m.db.QueryRow(ctx, tx, []any{&left}, `SELECT COUNT(*)`+searchedSource, max(held.firstID, base), base+recall.BlockSize, c.ID)
		if err != nil || left != messages {
			return err
		}
		_, err = m.db.Exec(ctx, tx, m.sql.keepBlock, c.ID, block, []byte(packed))
		return err
	})
}
