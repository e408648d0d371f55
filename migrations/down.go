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
	all, err := appliedAbove(ctx, m, -1)
	if err != nil {
		return l, err
	}
	var applied []step
	for _, s := range steps() {
		if !slices.ContainsFunc(all, func(one migrate.Migration) bool { return one.Name == s.name }) {
			continue
		}
		applied = append(applied, s)
		if number(s.name) > to {
			l.Migrations = slices.Insert(l.Migrations, 0, s.name+"_"+s.comment)
		}
	}
	for _, table := range lostAbove(applied, to) {
		var n int64
		if err := db.QueryRow(ctx, db.Read(), []any{&n}, "SELECT COUNT(*) FROM "+table); err != nil {
			return l, fmt.Errorf("count %s: %w", table, err)
		}
		if n > 0 {
			l.Tables = append(l.Tables, TableLoss{table, n})
		}
	}
	return l, nil
}

// lostAbove returns the tables that there are and whose rows are nowhere once
// the applied migrations above number to are taken back, those of the newest first.
func lostAbove(applied []step, to int) (lost []string) {
	var going []string
	for _, s := range applied {
		if number(s.name) > to {
			going = append(going, droppedIn(s.down)...)
		}
	}
	there := tablesOf(applied)
	for _, s := range slices.Backward(applied) {
		carried := s.back != nil && !slices.ContainsFunc(droppedIn(s.up), func(t string) bool { return slices.Contains(going, t) })
		for _, table := range droppedIn(s.down) {
			if number(s.name) > to && !carried && slices.Contains(there, table) {
				lost = append(lost, table)
			}
		}
	}
	return lost
}

var dropped = regexp.MustCompile(`^DROP TABLE IF EXISTS (\w+)$`)

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
func Tables() []string { return tablesOf(steps()) }

func tablesOf(applied []step) (tables []string) {
	for _, s := range applied {
		gone := droppedIn(s.up)
		tables = append(tables, droppedIn(s.down)...)
		tables = slices.DeleteFunc(tables, func(table string) bool { return slices.Contains(gone, table) })
	}
	slices.Sort(tables)
	return slices.Compact(tables)
}
