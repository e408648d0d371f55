package outbox

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/platforms"
)

// Table is what others may do with the tables: it needs no platforms.
type Table struct{ DB *database.DB }

// DropTx removes deliveries with their texts and whatever went wrong with them.
func (t Table) DropTx(ctx context.Context, tx database.Tx, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	if _, err := t.DB.Exec(ctx, tx, "DELETE FROM delivery_parts WHERE delivery_id IN (?)", ids); err != nil {
		return err
	}
	_, err := t.DB.Exec(ctx, tx, "DELETE FROM deliveries WHERE id IN (?)", ids)
	return err
}

// OfMessage returns the reply, be it only begun, that a message in a chat belongs
// to; 0 when it belongs to none.
func (t Table) OfMessage(ctx context.Context, from database.Reader, platform, chatID, messageID string) (id int64, err error) {
	if messageID == "" {
		return 0, nil
	}
	err = t.DB.Query(ctx, from, func(rows *sql.Rows) error {
		var found int64
		var text string
		if err := rows.Scan(&found, &text); err != nil {
			return err
		}
		var to platforms.Address
		if json.Unmarshal([]byte(text), &to) == nil && to.ChatID == chatID { // its id alone says too little
			id = max(id, found)
		}
		return nil
	}, `SELECT d.id, d.address FROM delivery_parts p JOIN deliveries d ON d.id = p.delivery_id
		WHERE p.platform_id <> '' AND p.platform_id = ? AND d.platform = ?`, messageID, platform)
	return id, err
}

// ReopenTx makes the unconfirmed parts of a reply unsent, to be offered anew from
// now on, and reports true. Of a sentence that stood for a reply nothing is sent
// any more, and it reports false.
func (t Table) ReopenTx(ctx context.Context, tx database.Tx, id int64) (bool, error) {
	var replies int
	err := t.DB.QueryRow(ctx, tx, []any{&replies}, "SELECT COUNT(*) FROM deliveries WHERE id = ? AND outcome = ?", id, string(Sent))
	if err != nil {
		return false, err
	}
	if replies == 0 {
		return false, t.setAsideTx(ctx, tx, id)
	}
	now, err := t.DB.Clock(ctx, tx)
	if err != nil {
		return false, err
	}
	if _, err := t.DB.Exec(ctx, tx, "UPDATE deliveries SET updated_at = ? WHERE id = ?", now, id); err != nil {
		return false, err
	}
	_, err = t.DB.Exec(ctx, tx, "UPDATE delivery_parts SET state = ?, tried_at = 0 WHERE delivery_id = ? AND state = ?", string(pending), id, string(sending))
	return true, err
}

// setAsideTx makes a delivery one that is only begun. What of it is shown, or may
// be, keeps its number and key: under that key the platform might take the next
// reply for the same message. A message that grows goes on with that reply.
func (t Table) setAsideTx(ctx context.Context, tx database.Tx, id int64) error {
	if _, err := t.DB.Exec(ctx, tx, "DELETE FROM delivery_parts WHERE delivery_id = ? AND state = ?", id, string(pending)); err != nil {
		return err
	}
	_, err := t.DB.Exec(ctx, tx, "UPDATE delivery_parts SET text = '' WHERE delivery_id = ? AND state = ? AND handle NOT IN ('', ?)", id, string(sending), opening)
	if err != nil {
		return err
	}
	_, err = t.DB.Exec(ctx, tx, "UPDATE delivery_parts SET state = ? WHERE delivery_id = ? AND handle IN ('', ?)", string(sent), id, opening)
	if err != nil {
		return err
	}
	var shown int
	if err := t.DB.QueryRow(ctx, tx, []any{&shown}, "SELECT COUNT(*) FROM delivery_parts WHERE delivery_id = ?", id); err != nil {
		return err
	}
	if shown == 0 {
		return t.DropTx(ctx, tx, []int64{id})
	}
	_, err = t.DB.Exec(ctx, tx, "UPDATE deliveries SET state = 'draft', outcome = ?, text = '', error = '' WHERE id = ?", string(Sent), id)
	return err
}
