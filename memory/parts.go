package memory

import (
	"context"

	"github.com/parley-bot/parley/internal/database"
)

// Parts implements [Backend]: what a backup holds of people, facts and scores.
// What is remembered about effects is not missed: it only guards against
// repeats of events that a backup does not hold.
func (s *Store) Parts() []database.Part {
	return []database.Part{
		s.people(), s.preferences(), s.facts(), scoresPart{s}, s.reasons(), s.uses(),
	}
}

func (s *Store) people() *database.Table {
	return &database.Table{
		DB: s.db, Name: "people", File: "people", Key: []string{"person"},
		Columns: []database.Column{
			{Name: "person", Kind: database.Digest},
			{Name: "tenant"},
			{Name: "platform"},
			{Name: "sender_id"},
			{Name: "name"},
			{Name: "first_seen", Kind: database.Number},
		},
	}
}

func (s *Store) preferences() *database.Table {
	return &database.Table{
		DB: s.db, Name: "user_preferences", File: "preferences", Key: []string{"id"},
		Columns: []database.Column{
			{Name: "id", Kind: database.Digest},
			{Name: "person", Kind: database.Digest},
			{Name: "tenant"},
			{Name: "platform"},
			{Name: "sender_id"},
			{Name: "pref_key"},
			{Name: "value"},
			{Name: "created_at", Kind: database.Moment},
			{Name: "updated_at", Kind: database.Moment},
		},
	}
}

func (s *Store) facts() *database.Table {
	return &database.Table{
		DB: s.db, Name: "memory_facts", File: "facts", Key: []string{"place", "fact"},
		Columns: []database.Column{
			{Name: "place", Kind: database.Digest},
			{Name: "fact", Kind: database.Digest},
			{Name: "remembered_at", Kind: database.Number},
			{Name: "fact_key"},
			{Name: "value"},
			{Name: "author", Kind: database.Digest},
			{Name: "is_foreign", Kind: database.Number, Newer: int64(0)},
		},
		Added: s.foldAdded,
	}
}

// foldAdded lets a fact that a backup brought be found.
func (s *Store) foldAdded(ctx context.Context, tx database.Tx, row database.Row) error {
	key, _ := row["fact_key"].(string)
	value, _ := row["value"].(string)
	_, err := s.db.Exec(ctx, tx, "UPDATE memory_facts SET folded = ? WHERE place = ? AND fact = ?", Folded(key, value), row["place"], row["fact"])
	return err
}

func (s *Store) reasons() *database.Table {
	return &database.Table{
		DB: s.db, Name: "memory_reasons", File: "reasons", Key: []string{"place", "person", "given_at", "effect"},
		Columns: []database.Column{
			{Name: "place", Kind: database.Digest},
			{Name: "person", Kind: database.Digest},
			{Name: "given_at", Kind: database.Number},
			{Name: "effect", Kind: database.Digest},
			{Name: "giver", Kind: database.Digest},
			{Name: "reason"},
		},
	}
}

func (s *Store) uses() *database.Table {
	return &database.Table{
		DB: s.db, Name: "memory_commands", File: "commands", Key: []string{"tenant", "name"},
		Columns: []database.Column{
			{Name: "tenant", Kind: database.Digest},
			{Name: "name"},
			{Name: "uses", Kind: database.Number},
		},
	}
}
