package conversation

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/parley-bot/parley/internal/database"
)

// importMerge appends what is missing to the conversation that has the
// archive's identity, or makes it. kept says that nothing was missing.
func (m *PersistentConversationManager) importMerge(ctx context.Context, in *incoming) (c *Conversation, kept bool, err error) {
	there, err := m.Find(ctx, in.key)
	if errors.Is(err, ErrNotFound) {
		c, err := m.importWhole(ctx, in, ImportNew)
		if !errors.Is(err, ErrExists) {
			return c, false, err
		}
		there, err = m.Find(ctx, in.key) // somebody else was faster
		if err != nil {
			return nil, false, err
		}
	} else if err != nil {
		return nil, false, err
	}
	added, err := m.mergeInto(ctx, there.ID, in)
	if err != nil {
		return nil, false, err
	}
	c, err = m.Get(ctx, there.ID)
	return c, added == 0, err
}

func (m *PersistentConversationManager) mergeInto(ctx context.Context, id int64, in *incoming) (added int64, err error) {
	have, seen, err := m.fingerprints(ctx, m.read(), id, 0)
	if err != nil {
		return 0, err
	}
	var done [][2]int64 // first and last id of each slice
	err = in.slices(func(slice []messageRow) error {
		missing := without(slice, have)
		if len(missing) == 0 {
			return nil
		}
		first, last, err := m.mergeSlice(ctx, id, in, missing, seen)
		if err != nil {
			return err
		}
		done = append(done, [2]int64{first, last})
		seen, added = last, added+last-first+1
		return nil
	})
	if err != nil {
		return 0, m.undoMerge(ctx, id, in, done, err)
	}
	return added, nil
}

// mergeSlice appends those of slice that nobody else has added since message seen.
func (m *PersistentConversationManager) mergeSlice(ctx context.Context, id int64, in *incoming, slice []messageRow, seen int64) (first, last int64, err error) {
	err = m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		held, err := m.holdID(ctx, tx, id)
		if err != nil {
			return err
		}
		have, _, err := m.fingerprints(ctx, tx, id, seen)
		if err != nil {
			return err
		}
		rows := without(slice, have)
		first, last = held.nextID, held.nextID+int64(len(rows))-1
		if len(rows) == 0 {
			return nil
		}
		active := m.db.TimeArg(in.head.LastActivity)
		_, err = m.db.Exec(ctx, tx, `UPDATE conversations SET next_id = next_id + ?, message_count = message_count + ?,
			total_tokens = total_tokens + ?, last_activity = CASE WHEN last_activity < ? THEN ? ELSE last_activity END
			WHERE id = ?`, len(rows), len(rows), sum(rows), active, active, id)
		if err != nil {
			return err
		}
		if err := m.insertRows(ctx, tx, id, first, rows); err != nil {
			return err
		}
		return m.countMerged(ctx, tx, in, held.UserKey, rows, 1)
	})
	return first, last, err
}

// undoMerge removes the slices that were appended before why happened.
func (m *PersistentConversationManager) undoMerge(ctx context.Context, id int64, in *incoming, done [][2]int64, why error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	for _, ids := range done {
		err := m.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
			return m.undoSlice(ctx, tx, id, in, ids[0], ids[1])
		})
		if err != nil && !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("%w (and not all undone: %w)", why, err)
		}
	}
	return why
}

func (m *PersistentConversationManager) undoSlice(ctx context.Context, tx database.Tx, id int64, in *incoming, first, last int64) error {
	held, err := m.holdID(ctx, tx, id)
	if err != nil {
		return err
	}
	rows, err := database.All(ctx, m.db, tx, (*messageRow).countedDest, counted+`AND id >= ? AND id <= ?`, id, max(first, held.firstID), last)
	if err != nil || len(rows) == 0 {
		return err
	}
	_, err = m.db.Exec(ctx, tx, `DELETE FROM messages WHERE conversation_id = ? AND id >= ? AND id <= ?`, id, first, last)
	if err != nil {
		return err
	}
	err = m.dropBlocksTx(ctx, tx, id, first, last)
	if err != nil {
		return err
	}
	if err := m.takeOff(ctx, tx, id, int64(len(rows)), sum(rows)); err != nil {
		return err
	}
	return m.countMerged(ctx, tx, in, held.UserKey, rows, -1)
}

// countMerged adds the tokens of rows, times sign, to the ledger.
func (m *PersistentConversationManager) countMerged(ctx context.Context, tx database.Tx, in *incoming, userKey string, rows []messageRow, sign int64) error {
	if in.uncounted {
		return nil
	}
	return m.countTx(ctx, tx, userKey, rows, sign)
}

// fingerprint is what makes two messages the same one: role, content and
// timestamp. Half of a hash tells millions apart and takes half the memory.
type fingerprint [sha256.Size / 2]byte

func fingerprintOf(role, content string, micros int64) fingerprint {
	h := sha256.New()
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], uint64(micros))
	h.Write(at[:])
	h.Write([]byte(role + "\x00" + content))
	return fingerprint(h.Sum(nil)[:sha256.Size/2])
}

// fingerprints returns those of the messages after an id, and the last id.
func (m *PersistentConversationManager) fingerprints(ctx context.Context, from database.Reader, id, after int64) (map[fingerprint]bool, int64, error) {
	have := map[fingerprint]bool{}
	err := m.pages(ctx, from, id, after, func(page []Message) error {
		for i := range page {
			msg := &page[i]
			have[fingerprintOf(string(msg.Role), msg.Content, msg.Timestamp.UnixMicro())] = true
			after = msg.ID
		}
		return nil
	})
	return have, after, err
}

// without returns the rows that are not in have.
func without(rows []messageRow, have map[fingerprint]bool) []messageRow {
	var left []messageRow
	for i := range rows {
		r := &rows[i]
		if !have[fingerprintOf(r.Role, r.Content, r.Timestamp.UnixMicro())] {
			left = append(left, *r)
		}
	}
	return left
}

// sum returns the tokens of rows.
func sum(rows []messageRow) (tokens int64) {
	for i := range rows {
		tokens += rows[i].Tokens
	}
	return tokens
}
