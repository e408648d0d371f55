package conversation

import (
	"context"
	"database/sql"
	"errors"
	"math"

	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/database"
)

// FeedbackTx notes what somebody thinks of a message, in place of what they
// thought of it before: "up" or "down", by user key in its metadata. It reports
// false where there is no such message any more.
func (m *PersistentConversationManager) FeedbackTx(ctx context.Context, tx database.Tx, id, messageID int64, userKey, value string) (bool, error) {
	return m.metadataTx(ctx, tx, id, messageID, func(metadata map[string]any) {
		all, _ := metadata[message.MetaFeedback].(map[string]any)
		if all == nil {
			all = map[string]any{}
		}
		all[userKey] = value
		metadata[message.MetaFeedback] = all
	})
}

// eraseFeedback removes what the person with these user keys thinks of messages, in
// all conversations of a platform and tenant.
func (m *PersistentConversationManager) eraseFeedback(ctx context.Context, tenant, platform string, userKeys []string) error {
	type place struct{ conversation, message int64 }
	var theirs []place
	err := m.db.Query(ctx, m.read(), func(rows *sql.Rows) error {
		var at place
		var text string
		if err := rows.Scan(&at.conversation, &at.message, &text); err != nil {
			return err
		}
		metadata, _ := message.DecodeMetadata(text) // one that cannot be read holds no feedback of ours
		if dropFeedback(metadata, userKeys) {
			theirs = append(theirs, at)
		}
		return nil
	}, `SELECT m.conversation_id, m.id, m.metadata_json FROM messages m JOIN conversations c ON c.id = m.conversation_id
		WHERE c.platform = ? AND c.tenant = ? AND c.visible = 1 AND m.metadata_json LIKE ?`, platform, tenant, `%"`+message.MetaFeedback+`"%`)
	if err != nil {
		return err
	}
	for _, at := range theirs {
		err := m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
			_, err := m.metadataTx(ctx, tx, at.conversation, at.message, func(metadata map[string]any) { dropFeedback(metadata, userKeys) })
			return err
		})
		if err != nil && !errors.Is(err, ErrNotFound) { // deleted since
			return err
		}
	}
	return nil
}

// dropFeedback takes a person's feedback out of metadata, and reports whether there was some.
func dropFeedback(metadata map[string]any, userKeys []string) bool {
	all, _ := metadata[message.MetaFeedback].(map[string]any)
	before := len(all)
	for _, key := range userKeys {
		delete(all, key)
	}
	if before > 0 && len(all) == 0 {
		delete(metadata, message.MetaFeedback)
	}
	return len(all) < before
}

// ReplacedTx marks a reply that another one has taken the place of: it stays in
// the store and leaves the prompt.
func (m *PersistentConversationManager) ReplacedTx(ctx context.Context, tx database.Tx, id, messageID int64) (bool, error) {
	return m.metadataTx(ctx, tx, id, messageID, func(metadata map[string]any) { metadata[message.MetaReplaced] = true })
}

// metadataTx changes the metadata of a message.
func (m *PersistentConversationManager) metadataTx(ctx context.Context, tx database.Tx, id, messageID int64, change func(map[string]any)) (bool, error) {
	if _, err := m.holdID(ctx, tx, id); err != nil {
		return false, err
	}
	found, _, err := m.messages(ctx, tx, math.MaxInt, `SELECT `+messageColumns+messagesSource+` AND m.id = ?`, id, messageID)
	if err != nil || len(found) == 0 {
		return false, err
	}
	metadata := found[0].Metadata
	if metadata == nil {
		metadata = map[string]any{}
	}
	change(metadata)
	text, err := message.EncodeMetadata(metadata)
	if err != nil {
		return false, err
	}
	_, err = m.db.Exec(ctx, tx, `UPDATE messages SET metadata_json = ? WHERE conversation_id = ? AND id = ?`, nullable(text), id, messageID)
	return err == nil, err
}
