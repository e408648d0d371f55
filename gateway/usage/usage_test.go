package usage_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/gateway/usage"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/memory"
)

// The cost of a day is known while the price of each of its calls is.
func TestCost(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		l := usage.New(db)
		now := time.Now()
		people := 0
		call := func(model string, cost *int64) {
			t.Helper()
			people++
			who := memory.Person{Platform: "slack", SenderID: fmt.Sprint("U", people)} // in rows of their own
			r := &ai.Response{Model: model, Cost: cost, Usage: ai.Usage{PromptTokens: 100, CompletionTokens: 10, CachedTokens: 60, WrittenTokens: 5}}
			write(t, db, func(ctx context.Context, tx database.Tx) error { return l.AddTx(ctx, tx, now, r, who) })
		}
		for _, cost := range []int64{0, 0} {
			call("free", &cost)
		}
		for _, cost := range []int64{250, 1_000_000_000} {
			call("priced", &cost)
		}
		call("mixed", new(int64(7)))
		call("mixed", nil)
		call("mixed", new(int64(7)))
		days, err := l.Since(t.Context(), now.AddDate(0, 0, -1))
		if err != nil || len(days) != 3 {
			t.Fatalf("%+v, %v", days, err)
		}
		for _, d := range days {
			want := map[string]float64{"free": 0, "priced": 1.00000025}
			cost, known := want[d.Model]
			if (d.Cost != nil) != known || known && *d.Cost != cost {
				t.Errorf("%s costs %v", d.Model, d.Cost)
			}
			if d.CachedTokens != 60*d.Calls || d.PromptTokens != 100*d.Calls {
				t.Errorf("%+v", d)
			}
		}
	})
}

// A backup from before costs were counted restores; one from now brings them.
func TestUsageInBackups(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		l := usage.New(db)
		part := l.Parts()[0]
		old := []byte(`{"day":"2026-11-01","model":"old","prompt_tokens":1,"completion_tokens":2,"calls":3}`)
		now := []byte(`{"day":"2026-11-02","model":"new","prompt_tokens":1,"completion_tokens":2,"calls":3,"cached_tokens":4,"written_tokens":5,"cost":6000000000}`)
		for _, record := range [][]byte{old, now} {
			if err := part.Add(t.Context(), rawRecords(record)); err != nil {
				t.Fatal(err)
			}
		}
		days, err := l.Since(t.Context(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		if err != nil || len(days) != 2 || days[0].Cost == nil || *days[0].Cost != 6 || days[0].CachedTokens != 4 || days[1].Cost != nil {
			t.Errorf("%+v, %v", days, err)
		}
		n := 0
		if err := part.Each(t.Context(), func([]byte) error { n++; return nil }); err != nil || n != 2 {
			t.Errorf("%d records, %v", n, err)
		}
	})
}

func rawRecords(record []byte) []json.RawMessage { return []json.RawMessage{record} }
