package inbox

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/platforms"
)

// Follow says which threads of groups are followed without a mention once the
// bot has answered there. What names somebody else is never meant for the bot.
type Follow string

// The ways.
const (
	FollowAlone  Follow = "alone"  // as long as one person and the bot write there
	FollowAlways Follow = "always" // whoever writes
	FollowNever  Follow = "never"
)

// threadKey identifies the thread that an event belongs to, nil outside of a
// group's threads.
func threadKey(e *platforms.Event) []byte {
	if e.ChatType != platforms.Group || e.ThreadID == "" {
		return nil
	}
	return database.Hash("thread", e.Platform, e.Tenant, e.ChatID, e.ThreadID)
}

func threadPerson(tenant, userKey string) []byte { return database.Hash("person", tenant, userKey) }

// follows reports whether an event that mentions nobody is meant for the bot
// because of where it is said, and which thread it makes one of several people.
func (b *Inbox) follows(ctx context.Context, e *platforms.Event) (meant bool, joins []byte, err error) {
	key := threadKey(e)
	if key == nil || b.o.Follow == FollowNever || len(e.Mentions) > 0 || e.Ignore != "" {
		return false, nil, nil
	}
	var several int
	var person []byte
	err = b.DB.QueryRow(ctx, b.DB.Read(), []any{&person, &several}, "SELECT person, several FROM threads WHERE thread_key = ?", key)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil, nil
	case err != nil:
		return false, nil, err
	case b.o.Follow == FollowAlways:
		return true, nil, nil
	case several != 0:
		return false, nil, nil
	case string(person) != string(threadPerson(e.Tenant, e.UserKey())):
		return false, key, nil
	}
	return true, nil, nil
}

// joinTx notes that somebody else than whom the bot has answered writes in a thread.
func (b *Inbox) joinTx(ctx context.Context, tx database.Tx, key []byte) error {
	_, err := b.DB.Exec(ctx, tx, "UPDATE threads SET several = 1 WHERE thread_key = ?", key)
	return err
}

// followTx notes that the bot answers in a thread.
func (b *Inbox) followTx(ctx context.Context, tx database.Tx, e *platforms.Event, now int64) error {
	key := threadKey(e)
	if key == nil || !b.o.MentionsOnly || b.o.Follow == FollowNever || e.Kind != platforms.KindMessage || e.ReplyTo.Private {
		return nil
	}
	several := 0
	if e.ThreadBy != "" && e.ThreadBy != e.SenderID {
		several = 1
	}
	_, err := b.DB.Exec(ctx, tx, b.sql.follow, key, threadPerson(e.Tenant, e.UserKey()), several, now)
	return err
}

// forgetThreads removes the threads in which people were answered.
func (l *Ledger) forgetThreads(ctx context.Context, tenant string, userKeys []string) error {
	var people [][]byte
	for _, key := range userKeys {
		people = append(people, threadPerson(tenant, key))
	}
	return l.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		_, err := l.DB.Exec(ctx, tx, "DELETE FROM threads WHERE person IN (?)", people)
		return err
	})
}

// TrimThreads deletes threads in which the bot has not answered for keep, in slices.
func (l *Ledger) TrimThreads(ctx context.Context, keep time.Duration) error {
	now, err := l.DB.Clock(ctx, l.DB.Read())
	if err != nil {
		return err
	}
	for {
		keys, err := database.Values[[]byte](ctx, l.DB, l.DB.Read(), "SELECT thread_key FROM threads WHERE updated_at < ? LIMIT ?", now-keep.Microseconds(), trimSlice)
		if err != nil || len(keys) == 0 {
			return err
		}
		err = l.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
			_, err := l.DB.Exec(ctx, tx, "DELETE FROM threads WHERE thread_key IN (?)", keys)
			return err
		})
		if err != nil {
			return err
		}
	}
}
