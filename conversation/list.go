package conversation

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/database"
)

// ListOptions choose conversations; all are optional.
type ListOptions struct {
	Platform, UserKey string // exactly these
	Query             string // a part of the user key, chat, summary or a message, in any case
	Limit             int    // default 50, at most 500
	Cursor            string // next of the page before
}

const (
	defaultPage = 50
	maxPage     = 500
)

// List returns conversations, newest activity first, and the cursor of the
// next page, "" after the last.
func (m *PersistentConversationManager) List(ctx context.Context, o ListOptions) (items []Conversation, next string, err error) {
	limit, err := pageSize(o.Limit)
	if err != nil {
		return nil, "", err
	}
	where, args := "visible = 1", []any(nil)
	also := func(condition string, values ...any) {
		where, args = where+" AND "+condition, append(args, values...)
	}
	if o.Platform != "" {
		also(m.exactly("platform"), o.Platform, o.Platform)
	}
	if o.UserKey != "" {
		also(m.exactly("user_key"), o.UserKey, o.UserKey)
	}
	if o.Query != "" {
		pattern := "%" + escapeLike(strings.ToLower(message.CleanText(o.Query))) + "%"
		also(searchCondition, pattern, pattern, pattern, pattern)
	}
	if o.Cursor != "" {
		at, id, err := parseCursor(o.Cursor)
		if err != nil {
			return nil, "", err
		}
		before := m.db.TimeArg(at)
		also("last_activity <= ? AND (last_activity < ? OR id < ?)", before, before, id)
	}
	rows, err := database.All(ctx, m.db, m.read(), (*conversationRow).dest, `SELECT `+conversationColumns+
		` FROM conversations c WHERE `+where+` ORDER BY last_activity DESC, id DESC LIMIT ?`, append(args, limit+1)...)
	if err != nil {
		return nil, "", err
	}
	if len(rows) > limit {
		rows = rows[:limit]
		last := &rows[limit-1]
		next = fmt.Sprintf("%d.%d", last.LastActivity.UnixMicro(), last.ID)
	}
	items = make([]Conversation, len(rows))
	for i := range rows {
		items[i] = *rows[i].conversation()
	}
	return items, next, nil
}

// searchCondition looks into messages within the conversation's own range.
const searchCondition = `(LOWER(user_key) LIKE ? ESCAPE '!' OR LOWER(chat_id) LIKE ? ESCAPE '!' OR LOWER(summary) LIKE ? ESCAPE '!'
	OR EXISTS (SELECT 1 FROM messages m WHERE m.conversation_id = c.id
		AND m.id >= c.first_id AND LOWER(m.content) LIKE ? ESCAPE '!'))`

func escapeLike(s string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s)
}

// Messages returns a conversation's messages, oldest first, and the cursor of
// the next page, "" after the last. limit 0 is 50; at most 500.
func (m *PersistentConversationManager) Messages(ctx context.Context, id int64, limit int, cursor string) (items []Message, next string, err error) {
	limit, err = pageSize(limit)
	if err != nil {
		return nil, "", err
	}
	var after int64
	if cursor != "" {
		if after, err = strconv.ParseInt(cursor, 10, 64); err != nil {
			return nil, "", message.Invalidf("cursor %q is not valid", cursor)
		}
	}
	if items, _, err = m.after(ctx, m.read(), id, after, limit+1, math.MaxInt); err != nil {
		return nil, "", err
	}
	if len(items) == 0 {
		_, err = m.Get(ctx, id)
		return nil, "", err
	}
	if len(items) > limit {
		items = items[:limit]
		next = strconv.FormatInt(items[limit-1].ID, 10)
	}
	return items, next, nil
}

func pageSize(limit int) (int, error) {
	switch {
	case limit < 0:
		return 0, message.Invalidf("limit %d is below 0", limit)
	case limit == 0:
		return defaultPage, nil
	}
	return min(limit, maxPage), nil
}

func parseCursor(cursor string) (at time.Time, id int64, err error) {
	micros, number, _ := strings.Cut(cursor, ".")
	us, err1 := strconv.ParseInt(micros, 10, 64)
	id, err2 := strconv.ParseInt(number, 10, 64)
	if err1 != nil || err2 != nil || us > math.MaxInt64/2 {
		return at, 0, message.Invalidf("cursor %q is not valid", cursor)
	}
	return time.UnixMicro(us).UTC(), id, nil
}
