package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/platforms"
)

// slate is a platform with limits, on which a message grows.
type slate struct {
	limits map[platforms.Call]time.Duration // one call in so long; a chat's
	fails  int                              // changes that are refused, from the first on
	sends  []time.Time
	edits  []time.Time
}

func (s *slate) Limits(to platforms.Address, c platforms.Call) []platforms.Limit {
	if every := s.limits[c]; every > 0 {
		return []platforms.Limit{{Scope: fmt.Sprint(to.ChatID, c), Every: every}}
	}
	return nil
}

func (*slate) Split(reply string) []string { return []string{reply} }

func (s *slate) Send(context.Context, platforms.Address, platforms.Part) (string, error) {
	s.sends = append(s.sends, time.Now())
	return "m", nil
}

func (*slate) Find(context.Context, platforms.Address, platforms.Part, time.Time) (platforms.Finding, string, error) {
	return platforms.Unknowable, "", nil
}

func (*slate) Streams(platforms.Address) bool { return true }

func (*slate) Open(context.Context, platforms.Address, platforms.Part) (string, error) {
	return "m", nil
}

func (s *slate) Edit(context.Context, platforms.Address, string, string, int64) error {
	if s.edits = append(s.edits, time.Now()); len(s.edits) <= s.fails {
		return failure.New(failure.Retry, "busy", "", nil)
	}
	return nil
}

func (*slate) Close(context.Context, platforms.Address, string, platforms.Part, int64) error {
	return nil
}

// gaps are the times between two changes.
func (s *slate) gaps() (gaps []time.Duration) {
	for i := 1; i < len(s.edits); i++ {
		gaps = append(gaps, s.edits[i].Sub(s.edits[i-1]))
	}
	return gaps
}

// pacedDesk is an outbox for one platform, and its metrics.
func pacedDesk(t *testing.T, s platforms.Sender) (*outbox.Outbox, *database.DB, *metrics.Metrics) {
	t.Helper()
	db, m := dbtest.New(t), metrics.New()
	return outbox.New(db, outbox.Options{
		Sender: func(string) platforms.Sender { return s }, GiveUpAfter: time.Hour, Metrics: m, Logger: slog.New(slog.DiscardHandler),
	}), db, m
}

func longLeft() time.Duration { return time.Hour }

// written has a reply grow by a word each 100 ms, for so long.
func written(t *testing.T, s *slate, long time.Duration) {
	t.Helper()
	o, _, _ := pacedDesk(t, s)
	d := &outbox.Delivery{ID: 1, LaneKey: []byte("lane"), Platform: "slate", Address: platforms.Address{ChatID: "c"}}
	g := o.Draft(d, make([]byte, 32), func(context.Context, database.Tx) error { return nil }, longLeft)
	g.Begin(t.Context())
	for begun := time.Now(); time.Since(begun) < long; {
		g.Delta("word ")
		time.Sleep(100 * time.Millisecond)
	}
	o.EndDraft(d.ID)
}

// A growing message is changed every second where there is room for that. Where the
// limits leave less it is changed less often, and no more where they leave no room
// for five seconds.
func TestGrowthStretchesWithTheLimits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		every       time.Duration // that the platform allows a change
		gap         time.Duration
		least, most int // changes in a minute
	}{
		"no limit":           {0, time.Second, 55, 60},
		"one in three":       {3 * time.Second, 3 * time.Second, 17, 20},
		"one in almost five": {4800 * time.Millisecond, 4800 * time.Millisecond, 11, 12},
		"one in six":         {6 * time.Second, 0, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &slate{limits: map[platforms.Call]time.Duration{platforms.CallEdit: test.every}}
				written(t, s, time.Minute)
				if n := len(s.edits); n < test.least || n > test.most {
					t.Errorf("%d changes in a minute", n)
				}
				for _, gap := range s.gaps() {
					if gap < test.gap || gap > test.gap+500*time.Millisecond {
						t.Errorf("%v between two changes", gap)
					}
				}
			})
		})
	}
}

// A platform that refuses changes is asked half as often each time, once in five
// seconds at last, and as often as ever when it takes one again.
func TestGrowthStretchesWithRefusals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slate{fails: 5}
		written(t, s, 30*time.Second)
		var seconds []int
		for _, gap := range s.gaps() {
			seconds = append(seconds, int(gap.Round(time.Second).Seconds()))
		}
		if want := []int{2, 4, 5, 5, 5, 1, 1}; len(seconds) < len(want) || !slices.Equal(seconds[:len(want)], want) {
			t.Errorf("%v seconds between changes, want %v", seconds, want)
		}
	})
}

// What stands in line for its platform's limits is a metric, once for each send and
// however often it was looked at; what nobody limits is in none.
func TestTimeInLineIsMeasured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slate{limits: map[platforms.Call]time.Duration{platforms.CallSend: 2 * time.Second}}
		o, db, m := pacedDesk(t, s)
		deliver(t, o, db, "slate", 1, 2, 3)
		if len(s.sends) != 3 || s.sends[2].Sub(s.sends[0]) < 4*time.Second {
			t.Fatalf("sent at %v", s.sends)
		}
		s.limits = nil
		deliver(t, o, db, "free", 4)
		var got []string
		for line := range strings.Lines(scrape(m)) {
			if strings.HasPrefix(line, "parley_send_wait_seconds") {
				got = append(got, strings.TrimSpace(line))
			}
		}
		for _, want := range []string{ // 0, 2.04 and 4.08 s: a line is a little slower than the platform allows
			`parley_send_wait_seconds_count{platform="slate"} 3`, `parley_send_wait_seconds_bucket{platform="slate",le="0.005"} 1`,
			`parley_send_wait_seconds_bucket{platform="slate",le="2.5"} 2`, `parley_send_wait_seconds_bucket{platform="slate",le="5"} 3`,
		} {
			if !slices.Contains(got, want) {
				t.Errorf("no %s in\n%s", want, strings.Join(got, "\n"))
			}
		}
		if slices.ContainsFunc(got, func(line string) bool { return strings.Contains(line, "free") }) {
			t.Errorf("nothing is to be waited for: %v", got)
		}
	})
}

// deliver sends replies that are made at the same moment, each as its place comes.
func deliver(t *testing.T, o *outbox.Outbox, db *database.DB, platform string, ids ...int64) {
	t.Helper()
	var all []*outbox.Delivery
	for _, id := range ids {
		d := &outbox.Delivery{ID: id, LaneKey: []byte{byte(id)}, Platform: platform, Address: platforms.Address{ChatID: "c"}, Text: "hi", Outcome: outbox.Sent}
		o.Prepare(d, slices.Repeat([]byte{byte(id)}, 32))
		if err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			return o.SealTx(ctx, tx, d, database.Micros(time.Now()))
		}); err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	for _, d := range all {
		for {
			err := o.Deliver(t.Context(), d, longLeft, func(context.Context, database.Tx) error { return nil })
			if err == nil {
				break
			}
			if !errors.Is(err, outbox.ErrHeld) {
				t.Fatal(err)
			}
			time.Sleep(failure.WaitOf(err))
			if d, err = o.Load(t.Context(), d.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func scrape(m *metrics.Metrics) string {
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return answer.Body.String()
}
