package memory

import (
	"context"
	"database/sql"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"github.com/parley-bot/parley/internal/database"
)

// A search compares every fact of a place. To read them as 10,000 rows takes
// several times as long as to compare them, so what is compared stands together
// as lines, in one row of memory_fact_lines for each of these shards.
const shards = 64

// fieldEnd and lineEnd are found in no field: [Fold] leaves no control characters.
const (
	fieldEnd = "\x01"
	lineEnd  = "\n"
)

// hit is a fact that matches a search.
type hit struct {
	rank int
	at   int64  // microseconds since 1970
	fact string // base64 of its id
}

// line is what a search compares of a fact.
func line(f Fact) string {
	return Fold(f.Key) + fieldEnd + Fold(f.Value) + fieldEnd + strconv.FormatInt(database.Micros(f.At), 36) + fieldEnd +
		base64.RawStdEncoding.EncodeToString(factID(f.Key)) + lineEnd
}

// match ranks a line.
func (m Matcher) match(line string) (h hit) {
	key, rest, _ := strings.Cut(line, fieldEnd)
	value, rest, _ := strings.Cut(rest, fieldEnd)
	if h.rank = m.Rank(key, value); h.rank == 0 {
		return h
	}
	at, fact, _ := strings.Cut(rest, fieldEnd)
	h.at, _ = strconv.ParseInt(at, 36, 64)
	h.fact = fact
	return h
}

// matches returns every fact of the place that matches.
func (s *Store) matches(ctx context.Context, at Place, m Matcher) (hits []hit, err error) {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT content FROM memory_fact_lines WHERE place = ?", at.Hash())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text sql.RawBytes
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(string(text), lineEnd), lineEnd) {
			if h := m.match(line); h.rank > 0 {
				hits = append(hits, h)
			}
		}
	}
	return hits, rows.Err()
}

// addLine adds a new fact's line to its shard. It reads nothing, so that those
// who add to one shard at once need not know of each other.
func (s *Store) addLine(ctx context.Context, tx database.Tx, place []byte, f Fact) error {
	joined := "memory_fact_lines.content || excluded.content"
	if s.db.Engine() == database.MySQL {
		joined = "CONCAT(memory_fact_lines.content, excluded.content)"
	}
	text := database.Upsert(s.db.Engine(), "INSERT INTO memory_fact_lines (place, shard, facts, content) VALUES (?, ?, 1, ?)",
		"place, shard", "facts = memory_fact_lines.facts + 1, content = "+joined)
	_, err := tx.NewRaw(text, place, shard(f.Key), line(f)).Exec(ctx)
	return explain("add a fact's line", err)
}

// dropLine takes a forgotten fact's line out of its shard.
func (s *Store) dropLine(ctx context.Context, tx database.Tx, at Place, f Fact) error {
	_, err := tx.NewRaw("UPDATE memory_fact_lines SET facts = facts - 1, content = REPLACE(content, ?, '') WHERE place = ? AND shard = ?",
		line(f), at.Hash(), shard(f.Key)).Exec(ctx)
	return explain("drop a fact's line", err)
}

func shard(key string) int { return int(factID(key)[0]) % shards }

// countFacts returns how many facts the place has.
func countFacts(ctx context.Context, in bun.IDB, at Place) (n int64, err error) {
	err = in.NewRaw("SELECT COALESCE(SUM(facts), 0) FROM memory_fact_lines WHERE place = ?", at.Hash()).Scan(ctx, &n)
	return n, explain("count facts", err)
}
