package outbox

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// What another reply holds, or may have opened in the same thread, is nobody
// else's; what stands elsewhere or is closed is no rival.
func TestRivals(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		o := New(db, Options{Settle: map[string]time.Duration{"slack": time.Minute}})
		store := func(id int64, thread, handle, message string, tried time.Time) {
			address := `{"chat_id":"C1","thread_id":"` + thread + `"}`
			err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
				_, err := db.Exec(ctx, tx, `INSERT INTO deliveries (id, lane_key, platform, address, text, state, outcome, error,
					message_id, tokens, created_at, updated_at) VALUES (?, ?, 'slack', ?, '', 'draft', 'sent', '', 0, 0, 0, 0)`, id, []byte{byte(id)}, address)
				if err != nil {
					return err
				}
				_, err = db.Exec(ctx, tx, `INSERT INTO delivery_parts (delivery_id, n, part_key, file_name, text, state, tried_at, handle, takes, platform_id)
					VALUES (?, 0, ?, '', '', 'sending', ?, ?, 1, ?)`, id, fmt.Sprint("key-", id), database.Micros(tried), handle, message)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		now := db.Now()
		store(1, "1.0", opening, "", now)
		mine := rivals{o, &Delivery{ID: 1, Platform: "slack", Address: platforms.Address{ChatID: "C1", ThreadID: "1.0"}}}
		store(2, "1.0", "1.5", "1.5", now)
		store(3, "2.0", opening, "", now)
		if held, err := mine.Hold(t.Context(), "1.5"); !held || err != nil {
			t.Errorf("another's message: %v, %v", held, err)
		}
		if held, err := mine.Hold(t.Context(), "1.6"); held || err != nil {
			t.Errorf("nobody's message: %v, %v", held, err)
		}
		if err := mine.Absent(t.Context()); err != nil {
			t.Errorf("nobody else is in doubt here: %v", err)
		}
		store(4, "1.0", opening, "", now.Add(-2*time.Minute))
		if err := mine.Absent(t.Context()); failure.KindOf(err) != failure.Permanent || failure.CodeOf(err) != "ambiguous" {
			t.Errorf("a rival in doubt: %v", err)
		}
		store(5, "1.0", opening, "", now)
		if err := mine.Absent(t.Context()); failure.KindOf(err) != failure.Retry || failure.WaitOf(err) <= 0 {
			t.Errorf("a rival that may still be heard of: %v", err)
		}
	})
}
