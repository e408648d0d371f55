package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/parley-bot/parley/internal/database"
)

func (s *Store) count(ctx context.Context, tx database.Tx, c CountCommand) error {
	if _, err := s.addUse.Exec(ctx, tx, TenantKey(c.Tenant), c.Name); err != nil {
		return fmt.Errorf("count a command: %w", err)
	}
	return nil
}

// CommandUses implements [Backend].
func (s *Store) CommandUses(ctx context.Context, tenant string) ([]Use, error) {
	list := []Use{}
	err := s.db.Read().NewRaw("SELECT name, uses AS count FROM memory_commands WHERE tenant = ? ORDER BY uses DESC, name",
		TenantKey(tenant)).Scan(ctx, &list)
	return list, explain("load use counters", err)
}

// TenantKey returns the key under which a tenant's counters are kept.
func TenantKey(tenant string) []byte { return database.Hash("tenant", tenant) }

// SortUses puts the most used first, equal ones by name.
func SortUses(list []Use) {
	slices.SortFunc(list, func(a, b Use) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
}
