package database

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Part is one kind of thing that a backup holds beside conversations, in a
// file of its own: records, each of them JSON without line ends.
type Part interface {
	// Title names the part's file.
	Title() string
	// Count returns how many records there are.
	Count(ctx context.Context) (int64, error)
	// Each gives fn every record, which is valid until fn returns.
	Each(ctx context.Context, fn func(record []byte) error) error
	// Add keeps those of the records that are not there yet. It may be called
	// again with the same.
	Add(ctx context.Context, records []json.RawMessage) error
	// Empty removes all there is.
	Empty(ctx context.Context) error
}

// Kind is what a column holds, and how a record says it.
type Kind int

// The kinds.
const (
	Text   Kind = iota // a string, null where there is none
	Number             // a whole number
	Maybe              // a whole number, null where there is none
	Digest             // a hash, in hexadecimal; null where there is none
	Moment             // a timestamp, in RFC 3339
)

// Column is one column of a [Table].
type Column struct {
	Name string
	Kind Kind
	// Newer is set for a column that older backups do not have, to what it is then;
	// of kind Maybe it may be nil.
	Newer any
}

func (c Column) newer() bool { return c.Newer != nil || c.Kind == Maybe }

// Table is the [Part] of one table, which its owner describes. A record is a
// JSON object with the names of the columns.
type Table struct {
	DB      *DB
	Name    string // of the table
	File    string // the part's title
	Key     []string
	Columns []Column
	// Added is called in the commit that a row came in with; nil for nothing.
	Added func(ctx context.Context, tx Tx, row Row) error
}

// Row holds the values of a row by the names of its columns.
type Row map[string]any

// tablePage is how many rows are read, added or removed at once.
const tablePage = 500

// Title implements [Part].
func (t *Table) Title() string { return t.File }

// Count implements [Part].
func (t *Table) Count(ctx context.Context) (n int64, err error) {
	err = t.DB.QueryRow(ctx, t.DB.Read(), []any{&n}, "SELECT COUNT(*) FROM "+t.Name)
	return n, err
}

// Each implements [Part]. What is read is one snapshot.
func (t *Table) Each(ctx context.Context, fn func(record []byte) error) error {
	return t.DB.Snapshot(ctx, func(from Reader) error {
		return t.rows(ctx, from, t.Columns, func(page []Row) error {
			for _, row := range page {
				record, err := t.record(row)
				if err == nil {
					err = fn(record)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// rows reads columns of all rows in the order of the key, a page at a time.
func (t *Table) rows(ctx context.Context, from Reader, columns []Column, fn func(page []Row) error) error {
	var after Row
	for {
		where, args := t.after(after)
		var page []Row
		err := t.DB.Query(ctx, from, func(rows *sql.Rows) error {
			row, err := scanRow(rows, columns)
			page = append(page, row)
			return err
		}, "SELECT "+names(columns)+" FROM "+t.Name+where+" ORDER BY "+strings.Join(t.Key, ", ")+" LIMIT ?", append(args, tablePage)...)
		if err != nil {
			return err
		}
		if len(page) > 0 {
			if err := fn(page); err != nil {
				return err
			}
			after = page[len(page)-1]
		}
		if len(page) < tablePage {
			return nil
		}
	}
}

// after is the condition on what comes behind a row: a > ? OR (a = ? AND b > ?).
// Its first bound is said apart, where an index can begin.
func (t *Table) after(row Row) (where string, args []any) {
	if row == nil {
		return "", nil
	}
	first := t.Key[0]
	where, args = " WHERE "+first+" >= ? AND (", []any{row[first]}
	for i := range t.Key {
		if i > 0 {
			where += " OR "
		}
		where += "("
		for _, same := range t.Key[:i] {
			where += same + " = ? AND "
			args = append(args, row[same])
		}
		where += t.Key[i] + " > ?)"
		args = append(args, row[t.Key[i]])
	}
	return where + ")", args
}

func names(columns []Column) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.Name
	}
	return strings.Join(list, ", ")
}

func scanRow(rows *sql.Rows, columns []Column) (Row, error) {
	dest := make([]any, len(columns))
	for i, c := range columns {
		switch c.Kind {
		case Text:
			dest[i] = new(sql.NullString)
		case Number:
			dest[i] = new(int64)
		case Maybe:
			dest[i] = new(sql.NullInt64)
		case Digest:
			dest[i] = new([]byte)
		case Moment:
			dest[i] = new(time.Time)
		}
	}
	if err := rows.Scan(dest...); err != nil {
		return nil, err
	}
	row := make(Row, len(columns))
	for i, c := range columns {
		switch v := dest[i].(type) {
		case *sql.NullString:
			row[c.Name] = nil
			if v.Valid {
				row[c.Name] = v.String
			}
		case *int64:
			row[c.Name] = *v
		case *sql.NullInt64:
			row[c.Name] = nil
			if v.Valid {
				row[c.Name] = v.Int64
			}
		case *[]byte:
			row[c.Name] = *v
		case *time.Time:
			row[c.Name] = v.UTC()
		}
	}
	return row, nil
}

// record writes a row as JSON.
func (t *Table) record(row Row) ([]byte, error) {
	out := make(map[string]any, len(row))
	for _, c := range t.Columns {
		out[c.Name] = row[c.Name]
		if digest, ok := row[c.Name].([]byte); ok {
			out[c.Name] = nil
			if digest != nil {
				out[c.Name] = hex.EncodeToString(digest)
			}
		}
	}
	return json.Marshal(out)
}

// Row reads a record.
func (t *Table) Row(record []byte) (Row, error) {
	var in map[string]json.RawMessage
	if err := json.Unmarshal(record, &in); err != nil {
		return nil, err
	}
	row := make(Row, len(t.Columns))
	for _, c := range t.Columns {
		text, ok := in[c.Name]
		if !ok && c.newer() {
			row[c.Name] = c.Newer
			continue
		}
		if !ok {
			return nil, fmt.Errorf("%s is missing", c.Name)
		}
		value, err := c.value(text)
		if err == nil && value == nil && slices.Contains(t.Key, c.Name) {
			err = errors.New("it is empty")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		row[c.Name] = value
	}
	return row, nil
}

func (c Column) value(text json.RawMessage) (any, error) {
	if string(text) == "null" && (c.Kind == Text || c.Kind == Digest || c.Kind == Maybe) {
		return nil, nil
	}
	switch c.Kind {
	case Number, Maybe:
		var n int64
		err := json.Unmarshal(text, &n)
		return n, err
	case Moment:
		var at time.Time
		err := json.Unmarshal(text, &at)
		return at.UTC(), err
	case Text, Digest:
	}
	var s string
	if err := json.Unmarshal(text, &s); err != nil || c.Kind == Text {
		return s, err
	}
	return hex.DecodeString(s)
}

// Add implements [Part]. The records come in with one commit.
func (t *Table) Add(ctx context.Context, records []json.RawMessage) error {
	rows := make([]Row, len(records))
	for i, record := range records {
		var err error
		if rows[i], err = t.Row(record); err != nil {
			return err
		}
	}
	return t.DB.Write(ctx, func(ctx context.Context, tx Tx) error {
		for _, row := range rows {
			if err := t.add(ctx, tx, row); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *Table) add(ctx context.Context, tx Tx, row Row) error {
	args := make([]any, len(t.Columns))
	for i, c := range t.Columns {
		args[i] = row[c.Name]
		if at, ok := args[i].(time.Time); ok {
			args[i] = t.DB.TimeArg(at)
		}
	}
	insert := "INSERT INTO " + t.Name + " (" + names(t.Columns) + ") VALUES (?" + strings.Repeat(", ?", len(args)-1) + ")"
	n, err := t.DB.Exec(ctx, tx, Once(t.DB.Engine(), insert, strings.Join(t.Key, ", ")), args...)
	if err != nil || n == 0 || t.Added == nil {
		return err
	}
	return t.Added(ctx, tx, row)
}

// Empty implements [Part]. It removes the rows in small commits.
func (t *Table) Empty(ctx context.Context) error {
	where := " WHERE " + strings.Join(t.Key, " = ? AND ") + " = ?"
	return t.rows(ctx, t.DB.Read(), t.keys(), func(page []Row) error {
		return t.DB.Write(ctx, func(ctx context.Context, tx Tx) error {
			for _, row := range page {
				args := make([]any, len(t.Key))
				for i, name := range t.Key {
					args[i] = row[name]
				}
				if _, err := t.DB.Exec(ctx, tx, "DELETE FROM "+t.Name+where, args...); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// keys returns the columns of the key, in its order.
func (t *Table) keys() []Column {
	var list []Column
	for _, name := range t.Key {
		i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
		list = append(list, t.Columns[i])
	}
	return list
}

var excluded = regexp.MustCompile(`excluded\.(\w+)`)

// Upsert adds to an INSERT what is to be set where a row with the key is there
// already; excluded is what would have been inserted.
func Upsert(engine Engine, insert, key, set string) string {
	if engine == MySQL {
		return insert + " ON DUPLICATE KEY UPDATE " + excluded.ReplaceAllString(set, "VALUES($1)")
	}
	return insert + " ON CONFLICT (" + key + ") DO UPDATE SET " + set
}

// Once adds to an INSERT that a row that is there already stays as it is.
func Once(engine Engine, insert, key string) string {
	if engine == MySQL {
		first, _, _ := strings.Cut(key, ",")
		return insert + " ON DUPLICATE KEY UPDATE " + first + " = " + first
	}
	return insert + " ON CONFLICT (" + key + ") DO NOTHING"
}
