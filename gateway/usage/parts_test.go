package usage_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/gateway/usage"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/memory"
)

// spent is a call on a day, so many days ago.
type spent struct {
	ago    int
	tokens int64
}

func spend(t *testing.T, db *database.DB, p memory.Person, calls ...spent) {
	t.Helper()
	today := time.Now().UTC().Truncate(24 * time.Hour)
	for _, c := range calls {
		write(t, db, func(ctx context.Context, tx database.Tx) error {
			r := &ai.Response{Usage: ai.Usage{PromptTokens: c.tokens}, Cost: new(c.tokens)}
			return usage.New(db).SpendTx(ctx, tx, today.AddDate(0, 0, -c.ago), r, p, "C1")
		})
	}
}

// records are what a backup holds of what people have spent.
func records(t *testing.T, db *database.DB) (list []json.RawMessage) {
	t.Helper()
	err := usage.New(db).Parts()[1].Each(t.Context(), func(record []byte) error {
		list = append(list, bytes.Clone(record))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// What people have spent comes back out of a backup, and counts once, however
// often it is restored and whatever is there already. A sum of old days that is
// there stands for all of them.
func TestSpentInBackups(t *testing.T) {
	t.Parallel()
	ann := memory.Person{Tenant: "T1", Platform: "slack", SenderID: "U1"}
	tests := []struct {
		name           string
		backup, there  []spent
		folded         bool // what is there was summed up
		recent, always int64
	}{
		{name: "into an empty database", backup: []spent{{0, 5}, {30, 7}, {100, 11}, {200, 13}}, recent: 12, always: 36},
		{name: "what is there already", backup: []spent{{0, 5}, {100, 11}}, there: []spent{{0, 5}, {100, 11}}, recent: 5, always: 16},
		{name: "more was spent meanwhile", backup: []spent{{1, 5}, {100, 11}}, there: []spent{{0, 3}, {1, 9}, {100, 11}}, recent: 12, always: 23},
		{name: "beside a sum", backup: []spent{{0, 5}, {100, 11}}, there: []spent{{300, 40}}, folded: true, recent: 5, always: 45},
		{name: "beside old days", backup: []spent{{100, 11}}, there: []spent{{90, 4}, {300, 40}}, recent: 0, always: 44},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			from, to := dbtest.New(t), dbtest.New(t)
			spend(t, from, ann, tt.backup...)
			spend(t, to, ann, tt.there...)
			if tt.folded {
				if err := usage.New(to).Fold(t.Context(), time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			all := records(t, from)
			for range 2 {
				part := usage.New(to).Parts()[1]
				for _, record := range all { // in several commits
					if err := part.Add(t.Context(), []json.RawMessage{record}); err != nil {
						t.Fatal(err)
					}
				}
				for since, want := range map[time.Time]int64{time.Now().AddDate(0, 0, -60): tt.recent, time.Unix(0, 0): tt.always} {
					b, err := usage.New(to).BillOf(t.Context(), ann, since)
					if err != nil || b.Tokens != want || b.Cost != nil && *b.Cost*1e9 != float64(want) {
						t.Errorf("since %v %+v, %v, want %d", since, b, err, want)
					}
				}
			}
		})
	}
}

// A backup of an earlier version has old days one by one.
func TestOldDaysInBackups(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		l := usage.New(db)
		people := []memory.Person{{Platform: "slack", SenderID: "U1"}, {Platform: "slack", SenderID: "U2"}}
		spend(t, db, people[0], spent{300, 40}) // of the other one there is nothing yet
		if err := l.Fold(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			part := l.Parts()[1]
			for _, p := range people {
				for _, ago := range []int{200, 100, 1} {
					record, err := json.Marshal(map[string]any{
						"who": hex.EncodeToString(usage.PersonKeys(p)[0]), "at": time.Now().AddDate(0, 0, -ago).UTC().Truncate(24 * time.Hour).UnixMicro(), "tokens": 10,
					})
					if err != nil {
						t.Fatal(err)
					}
					if err := part.Add(t.Context(), []json.RawMessage{record}); err != nil {
						t.Fatal(err)
					}
				}
			}
			for i, want := range []int64{50, 30} {
				if n, err := l.Person(t.Context(), people[i], time.Time{}); n != want || err != nil {
					t.Errorf("%s: %d, %v, want %d", people[i].SenderID, n, err, want)
				}
			}
		}
	})
}
