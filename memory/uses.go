package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/parley-bot/parley/internal/database"
)

func (s *Store) count(ctx context.Context, tx database.Tx, c CountCommand) error {
	if _, err := s.addUse.Exec(ctx, tx, c.Realm.Key(), c.Name); err != nil {
		return fmt.Errorf("count a command: %w", err)
	}
	return nil
}

// CommandUses implements [Backend].
func (s *Store) CommandUses(ctx context.Context, r Realm) ([]Use, error) {
	list := []Use{}
	keys := [][]byte{r.Key()}
	if former := r.FormerKey(); former != nil {
		keys = append(keys, former)
	}
	err := s.db.Read().NewRaw("SELECT name, SUM(uses) AS count FROM memory_commands WHERE tenant IN (?) GROUP BY name ORDER BY 2 DESC, name",
		bun.List(keys)).Scan(ctx, &list)
	return list, explain("load use counters", err)
}

// SortUses puts the most used first, equal ones by name.
func SortUses(list []Use) {
	slices.SortFunc(list, func(a, b Use) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
}
