package migrations

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/uptrace/bun/migrate"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/replicas"
)

// Down takes back the migrations above number to, newest first, with the data
// in their tables, and returns their names. It is [replicas.ErrAlive] while a
// server runs on the database.
func Down(ctx context.Context, db *database.DB, to int) (undone []string, err error) {
	err = db.Exclusive(ctx, func(ctx context.Context) error {
		m, err := migrator(ctx, db)
		if err != nil {
			return err
		}
		if err := replicas.Refuse(ctx, db); err != nil {
			return err
		}
		above, err := appliedAbove(ctx, m, to)
		if err != nil {
			return err
		}
		for i := range above {
			one := &above[i]
			if err := one.Down(ctx, m, one); err != nil {
				return fmt.Errorf("migrate down: %s: %w", one.Name, database.Explain(err))
			}
			if err := m.MarkUnapplied(ctx, one); err != nil {
				return fmt.Errorf("migrate down: %w", database.Explain(err))
			}
			undone = append(undone, one.Name+"_"+one.Comment)
		}
		return nil
	})
	return undone, err
}

// appliedAbove returns the applied migrations above a number, newest first.
func appliedAbove(ctx context.Context, m *migrate.Migrator, to int) ([]migrate.Migration, error) {
	all, err := m.MigrationsWithStatus(ctx)
	if err != nil {
		return nil, database.Explain(err)
	}
	var above []migrate.Migration
	for _, one := range slices.Backward(all) {
		if one.IsApplied() && number(one.Name) > to {
			above = append(above, one)
		}
	}
	return above, nil
}

// number returns the number that a migration's name is.
func number(name string) int {
	n, err := strconv.Atoi(name)
	if err != nil {
		panic(err) // a name of ours, which a test reads
	}
	return n
}

// Loss is what taking migrations back would lose.
type Loss struct {
	Migrations []string
	Tables     []TableLoss // those with rows in them
}

// TableLoss is a table that goes.
type TableLoss struct {
	Table string
	Rows  int64
}

// Lost counts what [Down] would lose.
func Lost(ctx context.Context, db *database.DB, to int) (l Loss, err error) {
	m, err := migrator(ctx, db)
	if err != nil {
		return l, err
	}
	above, err := appliedAbove(ctx, m, to)
	if err != nil {
		return l, err
	}
	for i := range above {
		l.Migrations = append(l.Migrations, above[i].Name+"_"+above[i].Comment)
		for _, table := range droppedBy(above[i].Name) {
			var n int64
			if err := db.QueryRow(ctx, db.Read(), []any{&n}, "SELECT COUNT(*) FROM "+table); err != nil {
				return l, fmt.Errorf("count %s: %w", table, err)
			}
			if n > 0 {
				l.Tables = append(l.Tables, TableLoss{table, n})
			}
		}
	}
	return l, nil
}

var dropped = regexp.MustCompile(`^DROP TABLE IF EXISTS (\w+)$`)

// droppedBy returns the tables that go with a migration.
func droppedBy(name string) []string {
	for _, s := range steps() {
		if s.name == name {
			return droppedIn(s.down)
		}
	}
	return nil
}

// droppedIn returns the tables that statements drop.
func droppedIn(statements []string) (tables []string) {
	for _, statement := range statements {
		if found := dropped.FindStringSubmatch(statement); found != nil {
			tables = append(tables, found[1])
		}
	}
	return tables
}

// Tables returns the names of this program's tables, sorted.
func Tables() (tables []string) {
	for _, s := range steps() {
		gone := droppedIn(s.up)
		tables = append(tables, droppedIn(s.down)...)
		tables = slices.DeleteFunc(tables, func(table string) bool { return slices.Contains(gone, table) })
	}
	slices.Sort(tables)
	return slices.Compact(tables)
}
