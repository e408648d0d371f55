package memory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
)

// SeenTx notes that the person has written and under which display name. An
// empty name leaves the known one. It is called for every message, so the
// usual case, a person who is known by that name, is one read by key that
// takes no lock.
func (s *Store) SeenTx(ctx context.Context, tx database.Tx, p Person, name string) error {
	if err := p.check(); err != nil {
		return err
	}
	if len(name) > maxIDBytes || !storable(name) {
		return failure.New(failure.Invalid, "invalid_person", "this sender's display name cannot be stored", nil)
	}
	var known string
	err := s.db.QueryRow(ctx, tx, []any{&known}, "SELECT name FROM people WHERE person = ?", p.Hash())
	switch {
	case errors.Is(err, sql.ErrNoRows):
		if err := s.hold(ctx, tx, p, name); err != nil || name == "" {
			return err
		}
		return s.rename(ctx, tx, p, name)
	case err != nil:
		return fmt.Errorf("look up a person: %w", err)
	case name == "" || name == known:
		return nil
	}
	if _, err := s.db.Exec(ctx, tx, "UPDATE people SET name = ? WHERE person = ?", name, p.Hash()); err != nil {
		return fmt.Errorf("rename a person: %w", err)
	}
	return s.rename(ctx, tx, p, name)
}

// hold inserts the person's row, or locks the one that is there until the commit.
func (s *Store) hold(ctx context.Context, tx database.Tx, p Person, name string) error {
	text := database.Upsert(s.db.Engine(), "INSERT INTO people (person, tenant, platform, sender_id, name, first_seen) VALUES (?, ?, ?, ?, ?, ?)",
		"person", "name = people.name")
	_, err := s.db.Exec(ctx, tx, text, p.Hash(), p.Tenant, p.Platform, p.SenderID, name, database.Micros(s.db.Now()))
	return explain("store a person", err)
}

// People implements [Backend].
func (s *Store) People(ctx context.Context, r Realm) (n int64, err error) {
	// The lengths are compared too: MySQL takes "t" and "t " for the same text.
	err = s.db.QueryRow(ctx, s.db.Read(), []any{&n}, `SELECT COUNT(*) FROM people
		WHERE tenant = ? AND platform = ? AND OCTET_LENGTH(tenant) = ? AND OCTET_LENGTH(platform) = ?`,
		r.Tenant, r.Platform, len(r.Tenant), len(r.Platform))
	return n, explain("count people", err)
}

// Tenants returns the tenants of everybody known on a platform.
func (s *Store) Tenants(ctx context.Context, platform string) (list []string, err error) {
	err = s.db.Query(ctx, s.db.Read(), func(rows *sql.Rows) error {
		var tenant string
		err := rows.Scan(&tenant)
		list = append(list, tenant)
		return err
	}, "SELECT DISTINCT tenant FROM people WHERE platform = ?", platform)
	return list, explain("look up tenants", err)
}

// NameAt implements [Backend].
func (s *Store) NameAt(ctx context.Context, at Place, p Person) (string, error) {
	n, err := s.Score(ctx, at, Messages, p)
	if err != nil || n <= 0 {
		return "", err
	}
	return s.Name(ctx, p)
}

// Name implements [Backend].
func (s *Store) Name(ctx context.Context, p Person) (name string, err error) {
	err = s.db.QueryRow(ctx, s.db.Read(), []any{&name}, "SELECT name FROM people WHERE person = ?", p.Hash())
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return name, explain("look up a name", err)
}
