package database

import (
	"context"
	"fmt"
	"net/url"
	"os"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/parley-bot/parley/internal/failure"
)

// Another program's database may have tables of our names: feishu-webhook-bot,
// whose store ours follows, has conversations and messages. It is known by them
// and by schema_version, which each of ours has, before anything is changed.

const (
	theirs  = "conversations"
	theirs2 = "messages"
	ours    = "schema_version"
)

// refuseForeign is an error for a SQLite file of another program. It only reads.
func refuseForeign(ctx context.Context, path string) error {
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		return nil // there is none yet
	}
	db := readOnlyFile(path)
	defer db.Close()
	if db.foreign(ctx) {
		return failure.New(failure.Unavailable, "database_foreign", fmt.Sprintf("it contains the conversations of another program, such as feishu-webhook-bot, and was left unchanged; "+
			"to import them: mv %[1]s %[1]s.original && parley conversations import %[1]s.original", path), nil)
	}
	return nil
}

// checkForeign is refuseForeign for a server.
func (db *DB) checkForeign(ctx context.Context) error {
	if !db.foreign(ctx) {
		return nil
	}
	return failure.New(failure.Unavailable, "database_foreign",
		"it contains tables named conversations and messages of another program, and was left unchanged; give parley its own database", nil)
}

// foreign reports what is certain: whoever cannot tell is told by what comes next.
func (db *DB) foreign(ctx context.Context) bool {
	for _, name := range []string{theirs, theirs2} {
		if there, err := db.HasTable(ctx, name); err != nil || !there {
			return false
		}
	}
	there, err := db.HasTable(ctx, ours)
	return err == nil && !there
}

// OpenForeign opens another program's SQLite file for reading.
func OpenForeign(path string) (*DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	return readOnlyFile(path), nil
}

func readOnlyFile(path string) *DB {
	file := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
	pool := bun.NewDB(openPool(file+"?mode=ro&"+pragmas("_pragma", "query_only(1)")), sqlitedialect.New())
	return &DB{Target: sqliteTarget(path), read: pool, write: pool, closed: make(chan struct{})}
}
