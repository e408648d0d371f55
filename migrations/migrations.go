package migrations

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/migrate"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/replicas"
)

// ErrNewer is returned for a database that a newer Parley has changed.
var ErrNewer = errors.New("the database was made by a newer version of parley; use that version, or restore a backup")

// Status is one migration and when it was applied.
type Status struct {
	Name    string
	Comment string
	Applied bool
	At      time.Time // when it was applied
}

// Up applies every migration that is not applied yet, and returns their names.
// Several processes may call it at once. Where there is one to apply it is
// [replicas.ErrAlive] while a server runs on the database: that one's version is
// another, since it runs without the migration.
func Up(ctx context.Context, db *database.DB) (applied []string, err error) {
	err = db.Exclusive(ctx, func(ctx context.Context) error {
		m, err := migrator(ctx, db)
		if err != nil {
			return err
		}
		if err := beside(ctx, db, m); err != nil {
			return err
		}
		group, err := m.Migrate(ctx)
		if err != nil {
			return fmt.Errorf("migrate up: %w", database.Explain(err))
		}
		for _, one := range group.Migrations {
			applied = append(applied, one.Name+"_"+one.Comment)
		}
		return nil
	})
	return applied, err
}

// beside refuses to change the schema under a running server.
func beside(ctx context.Context, db *database.DB, m *migrate.Migrator) error {
	all, err := m.MigrationsWithStatus(ctx)
	if err != nil {
		return database.Explain(err)
	}
	if len(all.Unapplied()) == 0 {
		return nil
	}
	return replicas.Refuse(ctx, db)
}

// List returns every migration this version knows, oldest first.
func List(ctx context.Context, db *database.DB) ([]Status, error) {
	m, err := migrator(ctx, db)
	if err != nil {
		return nil, err
	}
	all, err := m.MigrationsWithStatus(ctx)
	if err != nil {
		return nil, database.Explain(err)
	}
	list := make([]Status, len(all))
	for i, one := range all {
		list[i] = Status{Name: one.Name, Comment: one.Comment, Applied: one.IsApplied(), At: one.MigratedAt}
	}
	return list, nil
}

// AppliedAt returns when the migration of that number ("0010") was applied, by
// the database's clock; zero when it was not.
func AppliedAt(ctx context.Context, db *database.DB, name string) (time.Time, error) {
	all, err := List(ctx, db)
	for _, s := range all {
		if s.Name == name && s.Applied {
			return s.At.UTC(), nil
		}
	}
	return time.Time{}, err
}

// ErrBehind is returned by [Check] when migrations are missing.
var ErrBehind = errors.New("the database schema is not up to date; run: parley migrate up")

// Check reports nil when the schema is exactly this version's.
func Check(ctx context.Context, db *database.DB) error {
	var names []string
	err := db.Read().NewSelect().Table("schema_version").Column("name").Scan(ctx, &names)
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrBehind, database.Explain(err))
	}
	known := map[string]bool{}
	for _, s := range steps() {
		known[s.name] = false
	}
	for _, name := range names {
		if _, ok := known[name]; !ok {
			return ErrNewer
		}
		known[name] = true
	}
	for _, applied := range known {
		if !applied {
			return ErrBehind
		}
	}
	return nil
}

// Writable reports whether the database takes writes: it writes a row and takes
// it back, in one commit. After a failover a server may well be read and refuse
// every write.
func Writable(ctx context.Context, db *database.DB) error {
	name := "write-" + rand.Text()
	err := db.WriteUrgent(ctx, nil, func(ctx context.Context, tx database.Tx) error {
		_, err := db.Exec(ctx, tx, "INSERT INTO schema_lock (table_name) VALUES (?)", name)
		if err == nil {
			_, err = db.Exec(ctx, tx, "DELETE FROM schema_lock WHERE table_name = ?", name)
		}
		return err
	})
	if err != nil && db.ReadOnly(ctx) {
		return failure.New(failure.Unavailable, "database_read_only", "the database is read-only", err)
	}
	return err
}

// lockTable is bun's table of locks in a row format that has room for its index
// whatever the server's default is.
const lockTable = "CREATE TABLE IF NOT EXISTS schema_lock (id BIGINT NOT NULL AUTO_INCREMENT, table_name VARCHAR(255), " +
	"PRIMARY KEY (id), UNIQUE (table_name))" + dynamicRows

// dynamicRows ends each CREATE TABLE for MySQL: with innodb_default_row_format=compact
// an index has room for 767 bytes.
const dynamicRows = " ROW_FORMAT=DYNAMIC"

func migrator(ctx context.Context, db *database.DB) (*migrate.Migrator, error) {
	if db.Engine() == database.MySQL {
		if _, err := db.Exec(ctx, db.Maintenance(), lockTable); err != nil {
			return nil, fmt.Errorf("migrate: %w", err)
		}
	}
	all := migrate.NewMigrations()
	for _, s := range steps() {
		all.Add(migrate.Migration{
			Name: s.name, Comment: s.comment,
			Up: run(s.up, s.move), Down: run(s.down, s.back),
		})
	}
	m := migrate.NewMigrator(db.Maintenance(), all,
		migrate.WithTableName("schema_version"), migrate.WithLocksTableName("schema_lock"),
		migrate.WithMarkAppliedOnSuccess(true))
	if err := m.Init(ctx); err != nil {
		return nil, fmt.Errorf("migrate: %w", database.Explain(err))
	}
	missing, err := m.MissingMigrations(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", database.Explain(err))
	}
	if len(missing) > 0 {
		return nil, ErrNewer
	}
	return m, nil
}

// Newest returns the name of the last migration that this version knows.
func Newest() string {
	all := steps()
	return all[len(all)-1].name
}

// steps returns every migration, oldest first.
func steps() []step {
	return []step{
		initial(), slots(), memory(), forget(), suspects(), files(), boards(), signIns(), replicasTable(), budgets(),
		openByLane(),
		scoresByDay(),
		quarantine(),
		prompts(),
		periods(),
		messageBlocks(),
		held(),
		costs(),
		threads(),
		pairings(),
		verbs(),
		turnSteps(),
		approvals(),
		toolPins(),
		budgetWarnings(),
		bills(),
		foreignSummaries(),
		foreignFacts(),
		usageShares(),
		usageColumnsInOrder(),
	}
}

type step struct {
	name, comment string
	up, down      []string
	// move and back carry data to other tables and back, before up and down drop the former.
	move, back func(ctx context.Context, tx bun.Tx) error
}

func run(statements []string, first func(context.Context, bun.Tx) error) func(context.Context, *migrate.Migrator, *migrate.Migration) error {
	return func(ctx context.Context, m *migrate.Migrator, _ *migrate.Migration) error {
		return m.DB().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			if first != nil {
				if err := first(ctx, tx); err != nil {
					return err
				}
			}
			return applyAll(ctx, tx, statements)
		})
	}
}

func applyAll(ctx context.Context, tx bun.Tx, statements []string) error {
	for _, text := range statements {
		if err := apply(ctx, tx, text); err != nil {
			return err
		}
	}
	return nil
}

func apply(ctx context.Context, tx bun.Tx, text string) error {
	name := tx.Dialect().Name()
	text = translate(text, name)
	if text == "" {
		return nil
	}
	if name == dialect.MySQL && strings.HasPrefix(text, "CREATE TABLE") {
		text += dynamicRows
	}
	_, err := tx.Tx.ExecContext(ctx, text)
	// MySQL commits each DDL statement by itself, so a migration that was cut
	// short is taken again from its start.
	if database.AlreadyThere(err) {
		return nil // the index or the column
	}
	if err != nil {
		return fmt.Errorf("%w in %s", err, firstLine(text))
	}
	return nil
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// translate fills in what the dialects call differently.
func translate(text string, name dialect.Name) string {
	words, ok := map[dialect.Name]map[string]string{dialect.PG: postgresWords, dialect.MySQL: mysqlWords}[name]
	if !ok {
		words = sqliteWords
	}
	return placeholder.ReplaceAllStringFunc(text, func(p string) string {
		p = p[1 : len(p)-1]
		for engine, of := range engines {
			if statement, ok := strings.CutPrefix(p, engine+" "); ok && of == name {
				return statement
			} else if ok { // of no use to the others
				return ""
			}
		}
		if condition, ok := strings.CutPrefix(p, "where "); ok {
			if name == dialect.MySQL { // has no partial indexes
				return ""
			}
			return " WHERE " + condition
		}
		if n, ok := strings.CutPrefix(p, "str"); ok && words["str"] != "" {
			return strings.ReplaceAll(words["str"], "N", n)
		} else if ok {
			return "TEXT"
		}
		return words[p]
	})
}

var (
	engines     = map[string]dialect.Name{"sqlite": dialect.SQLite, "postgres": dialect.PG, "mysql": dialect.MySQL}
	sqliteWords = map[string]string{
		"serial": "INTEGER PRIMARY KEY AUTOINCREMENT", "hash": "BLOB", "bytes": "BLOB", "text": "TEXT",
		"time": "TIMESTAMP", "table": "", "clustered": " WITHOUT ROWID", "prefix": "",
	}
	postgresWords = map[string]string{
		"serial": "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", "hash": "BYTEA", "bytes": "BYTEA", "text": "TEXT",
		"time": "TIMESTAMPTZ", "table": "", "clustered": "", "prefix": "",
	}
	mysqlWords = map[string]string{
		"serial": "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY", "hash": "BINARY(32)", "bytes": "MEDIUMBLOB", "text": "LONGTEXT",
		"time": "DATETIME(6)", "str": "VARCHAR(N)", "prefix": "(255)",
		"table": mysqlTable, "clustered": mysqlTable,
	}
)

const mysqlTable = " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
