package inbox_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// end has the oldest event that waits end so, with a reply that repeats it.
func end(t *testing.T, b *inbox.Inbox, to inbox.State, reason string) {
	t.Helper()
	works, err := b.Claim(t.Context(), 1)
	if err != nil || len(works) != 1 {
		t.Fatal(works, err)
	}
	w := &works[0]
	d := &outbox.Delivery{ID: w.Events[0].ID, LaneKey: []byte("lane"), Platform: "generic", Text: "you said secret", Error: reason}
	err = b.DB.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
		if err := outbox.New(b.DB, outbox.Options{}).SealTx(ctx, tx, d, database.Micros(time.Now())); err != nil {
			return err
		}
		if _, err := b.AnsweredTx(ctx, tx, w, inbox.Answer{ConversationID: 7, Detail: reason}); err != nil {
			return err
		}
		return b.DoneTx(ctx, tx, w, inbox.End{State: to, Reason: reason, Detail: reason})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What is over loses its texts and its reply, what is being answered only once
// it is, and what waits for its turn belongs to what comes.
func TestBlank(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, "a", time.Minute)
		say := func(id, who string) int64 {
			t.Helper()
			e := event(id, who)
			e.Text, e.SenderName, e.Metadata = "secret", "secret name", map[string]any{"note": "secret note"}
			return accept(t, b, e)[0].ID
		}
		answered := say("answered", "alice")
		end(t, b, inbox.Sent, "")
		dead := say("dead", "alice")
		end(t, b, inbox.Dead, "overloaded: the model said secret")
		other := say("other", "bob")
		end(t, b, inbox.Sent, "")
		running := say("running", "alice")
		works, err := b.Claim(t.Context(), 1)
		if err != nil || len(works) != 1 {
			t.Fatal(works, err)
		}
		waiting := say("waiting", "alice")
		lane := inbox.ScopeThread.Key(&platforms.Event{
			Platform: "generic", ChatType: platforms.Private, SenderID: "alice", ChatID: works[0].Events[0].Event.ChatID,
			ThreadID: works[0].Events[0].Event.ThreadID,
		}).Identity()
		var last int64
		err = db.Write(t.Context(), func(ctx context.Context, tx database.Tx) (err error) {
			last, err = b.LastTx(ctx, tx, lane)
			return err
		})
		if err != nil || last != waiting-1 {
			t.Errorf("what is cleared ends with %d (%v), want %d", last, err, waiting-1)
		}
		cleared := []inbox.Cleared{{Conversation: 8, Lane: lane, UpTo: last}}
		blank := func(settled time.Time, unfinished bool, blanked ...int64) {
			t.Helper()
			left, err := b.Blank(t.Context(), cleared, settled.UnixMicro())
			if err != nil || left[8] != unfinished {
				t.Errorf("unfinished: %v, %v", left, err)
			}
			want := map[int64]bool{}
			for _, id := range blanked {
				want[id] = true
			}
			for _, id := range []int64{answered, dead, other, running, waiting} {
				e, err := b.Get(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				gone := e.Event.Text == "" && e.Event.SenderName == "" && e.Event.Metadata == nil && e.DeliveryID == 0
				if gone != want[id] || e.Event.SenderID == "" {
					t.Errorf("event %d: blanked %v, want %v: %+v", id, gone, want[id], e)
				}
			}
		}
		blank(time.Unix(1, 0), true) // somebody may still fetch the replies
		blank(time.Now().Add(time.Hour), true, answered, dead)
		e, err := b.Get(t.Context(), dead)
		if err != nil || e.State != inbox.Dead || e.Error != "overloaded" || strings.Contains(e.Steps[len(e.Steps)-1].Detail, "secret") || len(e.Steps) != 2 {
			t.Errorf("%+v, %v", e, err)
		}
		if err := b.Replay(t.Context(), dead); failure.KindOf(err) != failure.Conflict {
			t.Errorf("it is answered again: %v", err)
		}
		if _, err := outbox.New(db, outbox.Options{}).Get(t.Context(), dead); err == nil {
			t.Error("its reply is still there")
		}
		if err := b.Release(t.Context(), &works[0], ""); err != nil {
			t.Fatal(err)
		}
		end(t, b, inbox.Sent, "")
		blank(time.Now().Add(time.Hour), false, answered, dead, running)
		// Its text cannot be compared any more; who sent it can.
		repeat, stranger := event("answered", "alice"), event("answered", "mallory")
		if a := accept(t, b, repeat, stranger); a[0].ID != answered || a[0].Differs || !a[1].Differs {
			t.Errorf("a repeat of what is blanked: %+v", a)
		}
	})
}
