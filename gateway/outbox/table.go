package outbox

import (
	"context"

	"github.com/parley-bot/parley/internal/database"
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

// ReopenTx makes the unconfirmed parts of a reply unsent and reports true, or
// drops the sentence that stood for a reply and reports false.
func (t Table) ReopenTx(ctx context.Context, tx database.Tx, id int64) (bool, error) {
	var replies int
	err := t.DB.QueryRow(ctx, tx, []any{&replies}, "SELECT COUNT(*) FROM deliveries WHERE id = ? AND outcome = ?", id, string(Sent))
	if err != nil {
		return false, err
	}
	if replies == 0 {
		return false, t.DropTx(ctx, tx, []int64{id})
	}
	_, err = t.DB.Exec(ctx, tx, "UPDATE delivery_parts SET state = ?, tried_at = 0 WHERE delivery_id = ? AND state = ?", string(pending), id, string(sending))
	return true, err
}
