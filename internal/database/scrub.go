package database

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
)

// ErrBusy is returned by [DB.Scrub] while somebody still reads what it is to
// remove; it is to be called again.
var ErrBusy = errors.New("somebody reads an older state of the database; what was deleted is still in its files")

// scrubPages is how many pages one commit cleans: few enough that nobody waits
// for it.
const scrubPages = 64

// Scrub removes from the files of a SQLite database what was deleted from its
// tables. SQLite overwrites deleted rows (secure_delete), but not the copies
// that it left in the free room of pages when it moved rows from one to another,
// nor the log, which holds pages as they were. On the servers it does nothing.
func (db *DB) Scrub(ctx context.Context) error {
	if !db.Target.OnFile() {
		return nil
	}
	if err := db.scrubPages(ctx); err != nil {
		return err
	}
	return db.truncateLog(ctx)
}

// scrubPages looks through the file, beside everybody else, and cleans the
// pages that need it in small commits.
func (db *DB) scrubPages(ctx context.Context) error {
	f, err := db.format(ctx)
	if err != nil || !f.mapped {
		return err
	}
	var dirty []int64
	flush := func() error {
		if len(dirty) == 0 {
			return nil
		}
		err := db.Write(ctx, func(ctx context.Context, tx Tx) error { return db.cleanPages(ctx, tx, f, dirty) })
		dirty = dirty[:0]
		return err
	}
	err = db.snapshot(ctx, func(from Reader) error {
		return db.Query(ctx, from, func(rows *sql.Rows) error {
			var page int64
			var data sql.RawBytes
			if err := rows.Scan(&page, &data); err != nil {
				return err
			}
			if !f.isMap(page) && f.clean(page, bytes.Clone(data)) {
				dirty = append(dirty, page)
			}
			if len(dirty) == scrubPages {
				return flush()
			}
			return nil
		}, "SELECT pgno, data FROM sqlite_dbpage WHERE 1 = ?", 1)
	})
	return errors.Join(err, flush())
}

// cleanPages cleans those of the pages that are still pages of a tree.
func (db *DB) cleanPages(ctx context.Context, tx Tx, f fileFormat, pages []int64) error {
	const read = "SELECT data FROM sqlite_dbpage WHERE pgno = ?"
	for _, page := range pages {
		var pointers, data []byte
		if err := db.QueryRow(ctx, tx, []any{&pointers}, read, f.mapOf(page)); err != nil {
			return err
		}
		if !f.inTree(page, pointers) {
			continue
		}
		err := db.QueryRow(ctx, tx, []any{&data}, read, page)
		if errors.Is(err, sql.ErrNoRows) { // given back
			continue
		}
		if err != nil {
			return err
		}
		if !f.clean(page, data) {
			continue
		}
		if _, err := db.Exec(ctx, tx, "UPDATE sqlite_dbpage SET data = ? WHERE pgno = ?", data, page); err != nil {
			return err
		}
	}
	return nil
}

// truncateLog moves what is in the log to the database and empties it. It
// waits for nobody: neither for readers, nor may writers wait for it.
func (db *DB) truncateLog(ctx context.Context) error {
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return Explain(err)
	}
	defer conn.Close()
	busy := 1
	run := func(statement string) error {
		_, err := conn.ExecContext(ctx, statement)
		return Explain(err)
	}
	if err := run("PRAGMA busy_timeout = 0"); err != nil {
		return err
	}
	err = Explain(conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, new(int), new(int)))
	ctx = context.WithoutCancel(ctx)
	if err := errors.Join(err, run("PRAGMA busy_timeout = "+busyTimeout)); err != nil {
		return err
	}
	if busy != 0 {
		return ErrBusy
	}
	return nil
}

// fileFormat is what has to be known of a SQLite file to find the free room in
// its pages: https://www.sqlite.org/fileformat2.html
type fileFormat struct {
	usable int64 // bytes of a page
	mapped bool  // pages are listed in pointer maps, as in every file of ours
	lock   int64 // the page that nothing is stored in
}

func (db *DB) format(ctx context.Context) (f fileFormat, err error) {
	var header []byte
	var vacuum int
	if err := db.read.QueryRowContext(ctx, "PRAGMA auto_vacuum").Scan(&vacuum); err != nil {
		return f, Explain(err)
	}
	if err := db.QueryRow(ctx, db.read, []any{&header}, "SELECT data FROM sqlite_dbpage WHERE pgno = ?", 1); err != nil {
		return f, err
	}
	size := int64(len(header))
	return fileFormat{usable: size - int64(header[20]), mapped: vacuum != 0, lock: 1<<30/size + 1}, nil
}

// mapOf returns the pointer map that lists a page.
func (f fileFormat) mapOf(page int64) int64 {
	each := f.usable/5 + 1
	at := (page-2)/each*each + 2
	if at == f.lock {
		at++
	}
	return at
}

func (f fileFormat) isMap(page int64) bool {
	return page == f.lock || page > 1 && f.mapOf(page) == page
}

// inTree reports whether a page is one of a tree, by the pointer map that lists it.
func (f fileFormat) inTree(page int64, pointers []byte) bool {
	const root, below = 1, 5
	if page == 1 {
		return true
	}
	at := 5 * (page - f.mapOf(page) - 1)
	return page != f.lock && at >= 0 && at < int64(len(pointers)) && (pointers[at] == root || pointers[at] == below)
}

// clean overwrites the free room of a page of a tree and reports whether
// anything was there. What does not look like such a page stays as it is.
func (f fileFormat) clean(page int64, data []byte) (changed bool) {
	head := 0
	if page == 1 {
		head = 100
	}
	cells := head + 8
	switch data[head] {
	case 2, 5:
		cells = head + 12
	case 10, 13:
	default:
		return false
	}
	at := func(i int) int { return int(binary.BigEndian.Uint16(data[i:])) }
	usable := int(f.usable)
	from, to := cells+2*at(head+3), at(head+5)
	if to == 0 {
		to = 1 << 16
	}
	if from > to || to > usable {
		return false
	}
	room := [][]byte{data[from:to]}
	for free := at(head + 1); free != 0; {
		if free < to || free+4 > usable {
			return false
		}
		next, size := at(free), at(free+2)
		if size < 4 || free+size > usable || next != 0 && next < free+size {
			return false
		}
		room, free = append(room, data[free+4:free+size]), next
	}
	for _, r := range room {
		if len(bytes.TrimLeft(r, "\x00")) > 0 {
			changed = true
			clear(r)
		}
	}
	return changed
}
