package inbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/platforms"
)

// said is something in a group's thread.
func said(id, sender string, more func(*platforms.Event)) platforms.Event {
	e := event(id, sender)
	e.ChatType, e.ChatID, e.ThreadID = platforms.Group, "C1", "T1"
	if more != nil {
		more(&e)
	}
	return e
}

func mentioned(e *platforms.Event) { e.Mentioned = true }

// answered accepts what addresses the bot and commits an answer.
func answered(t *testing.T, b *inbox.Inbox, e platforms.Event) {
	t.Helper()
	accept(t, b, e)
	for _, w := range claim(t, b, 10) {
		err := b.DB.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			_, err := b.AnsweredTx(ctx, tx, &w, inbox.Answer{ConversationID: 1})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := done(t.Context(), b, &w); err != nil {
			t.Fatal(err)
		}
	}
}

// heard reports whether an event is meant for the bot.
func heard(t *testing.T, b *inbox.Inbox, e platforms.Event) bool {
	t.Helper()
	got, err := b.Get(t.Context(), accept(t, b, e)[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	return got.State != inbox.Ignored
}

func following(t *testing.T, db *database.DB, how inbox.Follow) *inbox.Inbox {
	t.Helper()
	return open(t, db, "me", time.Minute, func(o *inbox.Options) { o.Follow = how })
}

func TestThreadIsFollowedAlone(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := following(t, db, inbox.FollowAlone)
		if heard(t, b, said("e0", "alice", nil)) {
			t.Error("followed before the bot has answered")
		}
		answered(t, b, said("e1", "alice", mentioned))
		if !heard(t, b, said("e2", "alice", nil)) {
			t.Error("who was answered is not followed")
		}
		for id, more := range map[string]func(*platforms.Event){
			"another thread":  func(e *platforms.Event) { e.ThreadID = "T2" },
			"no thread":       func(e *platforms.Event) { e.ThreadID = "" },
			"another chat":    func(e *platforms.Event) { e.ChatID = "C2" },
			"another tenant":  func(e *platforms.Event) { e.Tenant = "other" },
			"names another":   func(e *platforms.Event) { e.Mentions = []platforms.Mention{{ID: "bob"}} },
			"not to be heard": func(e *platforms.Event) { e.Ignore = "message of a bot" },
		} {
			if heard(t, b, said(id, "alice", more)) {
				t.Errorf("%s: followed", id)
			}
		}
		if heard(t, b, said("e3", "bob", nil)) {
			t.Error("somebody else is followed")
		}
		if heard(t, b, said("e4", "alice", nil)) {
			t.Error("followed although two people write there")
		}
		answered(t, b, said("e5", "alice", mentioned))
		if heard(t, b, said("e6", "alice", nil)) {
			t.Error("followed again by a mention, although two people write there")
		}
	})
}

// The bot was called into a thread that somebody else has opened, or two
// people have called it.
func TestThreadOfSeveralIsNotFollowed(t *testing.T) {
	t.Parallel()
	b := following(t, dbtest.New(t), inbox.FollowAlone)
	answered(t, b, said("e1", "alice", func(e *platforms.Event) { e.Mentioned, e.ThreadBy = true, "bob" }))
	if heard(t, b, said("e2", "alice", nil)) {
		t.Error("followed in a thread that somebody else has opened")
	}
	second := func(e *platforms.Event) { e.ThreadID = "T2" }
	answered(t, b, said("e3", "alice", func(e *platforms.Event) { second(e); mentioned(e) }))
	answered(t, b, said("e4", "bob", func(e *platforms.Event) { second(e); mentioned(e) }))
	if heard(t, b, said("e5", "alice", second)) || heard(t, b, said("e6", "bob", second)) {
		t.Error("followed although two people have called the bot")
	}
}

func TestThreadsFollowedAlwaysAndNever(t *testing.T) {
	t.Parallel()
	for how, want := range map[inbox.Follow]bool{inbox.FollowAlways: true, inbox.FollowNever: false, "": false} {
		b := following(t, dbtest.New(t), how)
		answered(t, b, said("e1", "alice", mentioned))
		if heard(t, b, said("e2", "bob", nil)) != want || heard(t, b, said("e3", "alice", nil)) != want {
			t.Errorf("%q: followed: %v", how, !want)
		}
		if heard(t, b, said("e4", "bob", func(e *platforms.Event) { e.Mentions = []platforms.Mention{{ID: "carol"}} })) {
			t.Errorf("%q: what names somebody else is followed", how)
		}
	}
}

// What is known of a thread goes with the person, and with time.
func TestThreadsAreForgotten(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := following(t, db, inbox.FollowAlways)
		answered(t, b, said("e1", "alice", mentioned))
		if err := b.TrimThreads(t.Context(), time.Hour); err != nil || !heard(t, b, said("e2", "alice", nil)) {
			t.Errorf("trimmed too early: %v", err)
		}
		if err := b.Erase(t.Context(), "", []string{"generic:group:alice"}, 0); err != nil || heard(t, b, said("e3", "alice", nil)) {
			t.Errorf("not erased: %v", err)
		}
		answered(t, b, said("e4", "alice", mentioned))
		if err := b.TrimThreads(t.Context(), -time.Hour); err != nil || heard(t, b, said("e5", "alice", nil)) {
			t.Errorf("not trimmed: %v", err)
		}
	})
}
