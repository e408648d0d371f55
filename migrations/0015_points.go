package migrations

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/parley-bot/parley/internal/database"
)

// scoresByDay keeps scores by day instead of by day, week, month and all time,
// and what a search compares of a fact beside the fact.
//
//   - memory_points.day counts from 1970-01-01; day 0 is of all days that are
//     not kept apart. What a person has in all is the sum.
//   - memory_facts.folded are key and value as searches see them, with \x01 between.
//
// A row of memory_scores names its board and span by a hash, so that the boards
// and days there may be are hashed and looked for.
func scoresByDay() step {
	return step{
		name: "0015", comment: "points",
		move: func(ctx context.Context, tx bun.Tx) error {
			if err := applyAll(ctx, tx, pointsTables); err != nil {
				return err
			}
			if err := carry(ctx, tx, "memory_scores", "memory_points", pointsOfScores); err != nil {
				return err
			}
			return carry(ctx, tx, "memory_fact_lines", "", foldedOfLines)
		},
		up: []string{"DROP TABLE IF EXISTS memory_scores", "DROP TABLE IF EXISTS memory_fact_lines"},
		back: func(ctx context.Context, tx bun.Tx) error {
			if err := applyAll(ctx, tx, scoresTables); err != nil {
				return err
			}
			if err := carry(ctx, tx, "memory_points", "memory_scores", scoresOfPoints); err != nil {
				return err
			}
			there, err := hasColumn(ctx, tx, "memory_facts", "folded")
			if err != nil || !there {
				return err
			}
			if err := linesOfFolded(ctx, tx); err != nil {
				return err
			}
			return apply(ctx, tx, "ALTER TABLE memory_facts DROP COLUMN folded")
		},
		down: []string{"DROP TABLE IF EXISTS memory_points"},
	}
}

var pointsTables = []string{
	`CREATE TABLE IF NOT EXISTS memory_points (
		place {hash} NOT NULL,
		board {str50} NOT NULL,
		person {hash} NOT NULL,
		day BIGINT NOT NULL,
		points BIGINT NOT NULL,
		name {str255} NOT NULL,
		PRIMARY KEY (place, board, person, day)
	){clustered}`,
	`CREATE INDEX memory_points_person ON memory_points (person)`,
	`CREATE INDEX memory_points_day ON memory_points (day)`,
	`ALTER TABLE memory_facts ADD COLUMN folded {text}`,
}

// scoresTables are as the migrations before have left them.
var scoresTables = []string{
	`CREATE TABLE IF NOT EXISTS memory_fact_lines (
		place {hash} NOT NULL,
		shard BIGINT NOT NULL,
		facts BIGINT NOT NULL,
		content {text} NOT NULL,
		PRIMARY KEY (place, shard)
	){table}`,
	`CREATE TABLE IF NOT EXISTS memory_scores (
		board {hash} NOT NULL,
		person {hash} NOT NULL,
		place {hash} NOT NULL,
		points BIGINT NOT NULL,
		name {str255} NOT NULL,
		ends BIGINT NOT NULL DEFAULT 0,
		{sqlite PRIMARY KEY (place, person, board)}{postgres PRIMARY KEY (board, person)}{mysql PRIMARY KEY (board, person)}
	){clustered}`,
	`{sqlite CREATE INDEX memory_scores_leaders ON memory_scores (place, board, points DESC, name)}`,
	`{postgres CREATE INDEX memory_scores_leaders ON memory_scores (board, points DESC, name)}`,
	`{postgres CREATE INDEX memory_scores_place ON memory_scores (place)}`,
	`{mysql CREATE INDEX memory_scores_leaders ON memory_scores (board, points DESC, name)}`,
	`{mysql CREATE INDEX memory_scores_place ON memory_scores (place)}`,
	`CREATE INDEX memory_scores_person ON memory_scores (person)`,
	`CREATE INDEX memory_scores_ends ON memory_scores (ends){where ends > 0}`,
}

// carry fills a table from the former one. On MySQL, where each change of the
// schema is a commit of its own, the former one may be gone already.
func carry(ctx context.Context, tx bun.Tx, former, table string, fill func(context.Context, bun.Tx) error) error {
	there, err := hasColumn(ctx, tx, former, "place")
	if err != nil || !there {
		return err
	}
	if table != "" {
		if err := apply(ctx, tx, "DELETE FROM "+table); err != nil {
			return err
		}
	}
	if err := fill(ctx, tx); err != nil {
		return fmt.Errorf("carry %s over: %w", former, err)
	}
	return nil
}

func hasColumn(ctx context.Context, tx bun.Tx, table, column string) (bool, error) {
	query := "SELECT COUNT(*) FROM pragma_table_info(?) WHERE name = ?"
	schema, ok := map[dialect.Name]string{dialect.PG: "current_schema()", dialect.MySQL: "DATABASE()"}[tx.Dialect().Name()]
	if ok {
		query = "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = " + schema + " AND table_name = ? AND column_name = ?"
	}
	var n int
	err := tx.NewRaw(query, table, column).Scan(ctx, &n)
	return n > 0, err
}

// movePage is how many rows are read at once.
const movePage = 500

// A day is kept apart for 35 days after its end, by the clock of any zone.
const (
	daysBack  = 37
	daysAhead = 2
)

// formerScore is a row of memory_scores.
type formerScore struct {
	Board, Person, Place []byte
	Points               int64
	Name                 string
}

// pointsOfScores carries every score of all time over, with the days that make
// the last part of it.
func pointsOfScores(ctx context.Context, tx bun.Tx) error {
	today := time.Now().Unix() / secondsOfDay
	order, where, args := "board, person", "", []any{}
	if tx.Dialect().Name() == dialect.SQLite {
		order = "place, person, board"
	}
	for {
		var page []formerScore
		err := tx.NewRaw("SELECT board, person, place, points, name FROM memory_scores WHERE ends = 0"+where+" ORDER BY "+order+" LIMIT ?",
			append(args, movePage)...).Scan(ctx, &page)
		if err != nil {
			return err
		}
		for i := range page {
			if err := page[i].move(ctx, tx, today); err != nil {
				return err
			}
		}
		if len(page) < movePage {
			return nil
		}
		last := page[len(page)-1]
		where, args = " AND board >= ? AND (board, person) > (?, ?)", []any{last.Board, last.Board, last.Person}
		if tx.Dialect().Name() == dialect.SQLite {
			where, args = " AND (place, person, board) > (?, ?, ?)", []any{last.Place, last.Person, last.Board}
		}
	}
}

func (f *formerScore) move(ctx context.Context, tx bun.Tx, today int64) error {
	board := f.boardName()
	if board == "" {
		return nil
	}
	days := map[string]int64{} // by key
	keys := make([][]byte, 0, daysBack+daysAhead+1)
	for day := today - daysBack; day <= today+daysAhead; day++ {
		key := formerKey(f.Place, board, "day "+date(day).Format(time.DateOnly))
		days[string(key)], keys = day, append(keys, key)
	}
	var rows []formerScore
	err := tx.NewRaw("SELECT board, points FROM memory_scores WHERE place = ? AND person = ? AND board IN (?)", f.Place, f.Person, bun.List(keys)).Scan(ctx, &rows)
	if err != nil {
		return err
	}
	for _, r := range rows {
		f.Points -= r.Points
		if err := f.insert(ctx, tx, board, days[string(r.Board)], r.Points); err != nil {
			return err
		}
	}
	if f.Points == 0 && len(rows) > 0 {
		return nil
	}
	return f.insert(ctx, tx, board, 0, f.Points)
}

func (f *formerScore) insert(ctx context.Context, tx bun.Tx, board string, day, points int64) error {
	_, err := tx.NewRaw("INSERT INTO memory_points (place, board, person, day, points, name) VALUES (?, ?, ?, ?, ?, ?)",
		f.Place, board, f.Person, day, points, f.Name).Exec(ctx)
	return err
}

// boardName returns what the score of all time is of, "" when it is of nothing known.
func (f *formerScore) boardName() string {
	for _, board := range []string{"kudos", "messages", "tokens"} {
		if bytes.Equal(f.Board, formerKey(f.Place, board, "all")) {
			return board
		}
	}
	return ""
}

func formerKey(place []byte, board, span string) []byte {
	return database.Hash("board", string(place), board, span)
}

const secondsOfDay = 24 * 60 * 60

func date(day int64) time.Time { return time.Unix(day*secondsOfDay, 0).UTC() }

// pointsRow is a row of memory_points.
type pointsRow struct {
	Place  []byte
	Board  string
	Person []byte
	Day    int64
	Points int64
	Name   string
}

// scoresOfPoints makes days, weeks and months out of the days that are kept
// apart. Which zone they are of is not known here, so that they end with UTC's.
func scoresOfPoints(ctx context.Context, tx bun.Tx) error {
	where, args := "", []any{}
	for {
		var page []pointsRow
		err := tx.NewRaw("SELECT place, board, person, day, points, name FROM memory_points"+where+" ORDER BY place, board, person, day LIMIT ?",
			append(args, movePage)...).Scan(ctx, &page)
		if err != nil {
			return err
		}
		for i := range page {
			if err := page[i].back(ctx, tx); err != nil {
				return err
			}
		}
		if len(page) < movePage {
			return nil
		}
		last := page[len(page)-1]
		where = " WHERE place >= ? AND (place, board, person, day) > (?, ?, ?, ?)" // MySQL compares rows without an index
		args = []any{last.Place, last.Place, last.Board, last.Person, last.Day}
	}
}

func (r *pointsRow) back(ctx context.Context, tx bun.Tx) error {
	spans := map[string]time.Time{"all": {}} // and their ends
	if r.Day > 0 {
		day := date(r.Day)
		monday := day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
		month := day.AddDate(0, 0, 1-day.Day())
		spans["day "+day.Format(time.DateOnly)] = day.AddDate(0, 0, 1)
		spans["week "+monday.Format(time.DateOnly)] = monday.AddDate(0, 0, 7)
		spans["month "+month.Format(time.DateOnly)] = month.AddDate(0, 1, 0)
	}
	key := "board, person"
	if tx.Dialect().Name() == dialect.SQLite {
		key = "place, person, board"
	}
	text := " ON CONFLICT (" + key + ") DO UPDATE SET points = memory_scores.points + excluded.points"
	if tx.Dialect().Name() == dialect.MySQL {
		text = " ON DUPLICATE KEY UPDATE points = points + VALUES(points)"
	}
	for _, span := range slices.Sorted(maps.Keys(spans)) {
		var ends int64
		if !spans[span].IsZero() {
			ends = spans[span].UnixMicro()
		}
		_, err := tx.NewRaw("INSERT INTO memory_scores (board, person, place, points, name, ends) VALUES (?, ?, ?, ?, ?, ?)"+text,
			formerKey(r.Place, r.Board, span), r.Person, r.Place, r.Points, r.Name, ends).Exec(ctx)
		if err != nil {
			return err
		}
	}
	return nil
}

// linesPage is how many rows of memory_fact_lines are read at once; each may
// hold 160 facts.
const linesPage = 16

// foldedOfLines puts what a search compares beside each fact.
func foldedOfLines(ctx context.Context, tx bun.Tx) error {
	type shard struct {
		Place   []byte
		Shard   int64
		Content string
	}
	where, args := "", []any{}
	for {
		var page []shard
		err := tx.NewRaw("SELECT place, shard, content FROM memory_fact_lines"+where+" ORDER BY place, shard LIMIT ?", append(args, linesPage)...).Scan(ctx, &page)
		if err != nil {
			return err
		}
		for _, s := range page {
			for line := range strings.Lines(s.Content) {
				if err := foldFact(ctx, tx, s.Place, strings.TrimSuffix(line, "\n")); err != nil {
					return err
				}
			}
		}
		if len(page) < linesPage {
			return nil
		}
		last := page[len(page)-1]
		where, args = " WHERE place > ? OR place = ? AND shard > ?", []any{last.Place, last.Place, last.Shard}
	}
}

// foldFact takes a line: key, value, time and id of a fact.
func foldFact(ctx context.Context, tx bun.Tx, place []byte, line string) error {
	fields := strings.Split(line, "\x01")
	if len(fields) != 4 {
		return nil
	}
	fact, err := base64.RawStdEncoding.DecodeString(fields[3])
	if err != nil {
		return err
	}
	_, err = tx.NewRaw("UPDATE memory_facts SET folded = ? WHERE place = ? AND fact = ?", fields[0]+"\x01"+fields[1], place, fact).Exec(ctx)
	return err
}

// linesOfFolded makes the lines of each place out of its facts.
func linesOfFolded(ctx context.Context, tx bun.Tx) error {
	if err := apply(ctx, tx, "DELETE FROM memory_fact_lines"); err != nil {
		return err
	}
	var places [][]byte
	if err := tx.NewRaw("SELECT DISTINCT place FROM memory_facts").Scan(ctx, &places); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	for _, place := range places {
		if err := linesOfPlace(ctx, tx, place); err != nil {
			return err
		}
	}
	return nil
}

func linesOfPlace(ctx context.Context, tx bun.Tx, place []byte) error {
	var facts []struct {
		Fact         []byte
		RememberedAt int64
		Folded       string
	}
	err := tx.NewRaw("SELECT fact, remembered_at, COALESCE(folded, '') AS folded FROM memory_facts WHERE place = ?", place).Scan(ctx, &facts)
	if err != nil {
		return err
	}
	const shards = 64
	lines, count := map[int]string{}, map[int]int{}
	for _, f := range facts {
		shard := int(f.Fact[0]) % shards
		lines[shard] += f.Folded + "\x01" + strconv.FormatInt(f.RememberedAt, 36) + "\x01" + base64.RawStdEncoding.EncodeToString(f.Fact) + "\n"
		count[shard]++
	}
	for shard, content := range lines {
		_, err := tx.NewRaw("INSERT INTO memory_fact_lines (place, shard, facts, content) VALUES (?, ?, ?, ?)", place, shard, count[shard], content).Exec(ctx)
		if err != nil {
			return err
		}
	}
	return nil
}
