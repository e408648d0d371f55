package memory

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/parley-bot/parley/internal/database"
)

func (s *Store) count(ctx context.Context, tx database.Tx, c CountCommand) error {
	text := database.Upsert(s.db.Engine(), "INSERT INTO memory_commands (tenant, name, uses) VALUES (?, ?, 1)",
		"tenant, name", "uses = memory_commands.uses + 1")
	_, err := s.db.Exec(ctx, tx, text, c.Realm.Key(), c.Name)
	return explain("count a command", err)
}

// CommandUses implements [Backend].
func (s *Store) CommandUses(ctx context.Context, r Realm) ([]Use, error) {
	list := []Use{}
	keys := [][]byte{r.Key()}
	if former := r.FormerKey(); former != nil {
		keys = append(keys, former)
	}
	err := s.db.Query(ctx, s.db.Read(), func(rows *sql.Rows) error {
		var u Use
		err := rows.Scan(&u.Name, &u.Count)
		list = append(list, u)
		return err
	}, "SELECT name, SUM(uses) FROM memory_commands WHERE tenant IN (?) GROUP BY name ORDER BY 2 DESC, name", keys)
	return list, explain("load use counters", err)
}

// SortUses puts the most used first, equal ones by name.
func SortUses(list []Use) {
	slices.SortFunc(list, func(a, b Use) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
}
