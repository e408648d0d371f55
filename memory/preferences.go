package memory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
)

// SetPreferenceTx stores a preference of the person, in place of the one with
// the same key. Keys are compared byte by byte; key and value are kept as they
// are. A key or value over its limit, and one key too many, are
// [failure.Invalid] with a sentence that may be shown.
func (s *Store) SetPreferenceTx(ctx context.Context, tx database.Tx, p Person, key, value string) error {
	if err := errors.Join(p.check(), checkPreference(key, value)); err != nil {
		return err
	}
	// Holding the person makes the count below exact: nobody else adds a key meanwhile.
	if err := s.hold(ctx, tx, p, ""); err != nil {
		return err
	}
	id := preferenceID(p, key)
	var others int64
	err := s.db.QueryRow(ctx, tx, []any{&others}, "SELECT COUNT(*) FROM user_preferences WHERE person = ? AND id <> ?", p.Hash(), id)
	if err != nil {
		return fmt.Errorf("count preferences: %w", err)
	}
	if others >= MaxKeys {
		return invalid("too_many_preferences", fmt.Sprintf("there are already %d preferences", MaxKeys))
	}
	now := s.db.TimeArg(s.db.Now())
	text := database.Upsert(s.db.Engine(), `INSERT INTO user_preferences
		(id, person, tenant, platform, sender_id, pref_key, value, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		"id", "value = excluded.value, updated_at = excluded.updated_at")
	_, err = s.db.Exec(ctx, tx, text, id, p.Hash(), p.Tenant, p.Platform, p.SenderID, key, value, now, now)
	return explain("store a preference", err)
}

// Preference returns the value of one preference, and whether there is one.
func (s *Store) Preference(ctx context.Context, p Person, key string) (value string, ok bool, err error) {
	err = s.db.QueryRow(ctx, s.db.Read(), []any{&value}, "SELECT value FROM user_preferences WHERE id = ?", preferenceID(p, key))
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("load a preference: %w", err)
	}
	return value, true, nil
}

// Preferences returns every preference of the person; none is an empty map.
func (s *Store) Preferences(ctx context.Context, p Person) (map[string]string, error) {
	all := map[string]string{}
	err := s.db.Query(ctx, s.db.Read(), func(rows *sql.Rows) error {
		var key, value string
		err := rows.Scan(&key, &value)
		all[key] = value
		return err
	}, "SELECT pref_key, value FROM user_preferences WHERE person = ?", p.Hash())
	return all, explain("load preferences", err)
}

func (s *Store) deletePreference(ctx context.Context, tx database.Tx, c DeletePreference) (Result, error) {
	n, err := s.db.Exec(ctx, tx, "DELETE FROM user_preferences WHERE id = ?", preferenceID(c.Person, c.Key))
	return Result{Done: n > 0}, explain("delete a preference", err)
}

func preferenceID(p Person, key string) []byte {
	return database.Hash("preference", p.Tenant, p.Platform, p.SenderID, key)
}

func checkPreference(key, value string) error {
	switch {
	case key == "":
		return invalid("invalid_preference", "a preference needs a key")
	case len(key) > MaxKeyBytes:
		return invalid("preference_key_too_long", fmt.Sprintf("the key is longer than %d bytes", MaxKeyBytes))
	case len(value) > MaxValueBytes:
		return invalid("preference_value_too_long", fmt.Sprintf("the value is longer than %d KiB", MaxValueBytes>>10))
	case !storable(key) || !storable(value):
		return invalid("invalid_preference", "key and value must be text without NUL characters")
	}
	return nil
}

func invalid(code, safe string) error {
	return failure.New(failure.Invalid, code, safe, nil)
}
