package intake_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/intake"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/platforms"
)

type storeFunc func(ctx context.Context, events []platforms.Event) ([]inbox.Accepted, error)

func (f storeFunc) Accept(ctx context.Context, events []platforms.Event) ([]inbox.Accepted, error) {
	return f(ctx, events)
}

func stored(_ context.Context, events []platforms.Event) ([]inbox.Accepted, error) {
	return make([]inbox.Accepted, len(events)), nil
}

func newDoor(t *testing.T, o intake.Options) (*intake.Door, *metrics.Metrics) {
	t.Helper()
	o.Metrics = metrics.New()
	d, err := intake.New(o, "slack")
	if err != nil {
		t.Fatal(err)
	}
	return d, o.Metrics
}

func one(source string) intake.Delivery {
	return intake.Delivery{Source: source, Size: 60, Arrived: time.Now(), Events: make([]platforms.Event, 1)}
}

// When nothing can be stored, a source is turned away at its share, the others
// still get theirs, and all goes on afterwards.
func TestBacklog(t *testing.T) {
	t.Parallel()
	inside, leave := make(chan struct{}), make(chan struct{})
	d, _ := newDoor(t, intake.Options{
		Backlog: 200 << 10, // room for eight small deliveries, four of one source
		Store: storeFunc(func(ctx context.Context, events []platforms.Event) ([]inbox.Accepted, error) {
			inside <- struct{}{}
			<-leave
			return stored(ctx, events)
		}),
	})
	var wg sync.WaitGroup
	send := func(source string) {
		wg.Go(func() {
			if _, err := d.Take(context.Background(), one(source)); err != nil {
				t.Errorf("what had room got %v", err)
			}
		})
		<-inside
	}
	refused := func(source string) {
		t.Helper()
		_, err := d.Take(t.Context(), one(source))
		if failure.KindOf(err) != failure.Unavailable || failure.CodeOf(err) != intake.CodeTooBusy {
			t.Errorf("%s: %v; want to be told to come back", source, err)
		}
	}
	for range 4 {
		send("slack")
	}
	refused("slack")
	for range 4 {
		send("generic")
	}
	refused("shop")
	close(leave)
	wg.Wait()
	send("slack")
	wg.Wait()
}

// What a failed store means to the sender, and what is counted.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	disk := errors.New("disk full")
	for name, test := range map[string]struct {
		results []inbox.Accepted
		err     error
		ignore  string
		ownIDs  bool
		kind    failure.Kind
		outcome string
	}{
		"fresh":                      {results: make([]inbox.Accepted, 1), outcome: "accepted"},
		"repeat":                     {results: []inbox.Accepted{{Duplicate: true}}, outcome: "duplicate"},
		"other text from a platform": {results: []inbox.Accepted{{Duplicate: true, Differs: true}}, outcome: "duplicate"},
		"other text from a program":  {results: []inbox.Accepted{{Duplicate: true, Differs: true}}, ownIDs: true, kind: failure.Conflict, outcome: "rejected"},
		"ignored":                    {results: make([]inbox.Accepted, 1), ignore: "own message", outcome: "ignored"},
		"not stored":                 {err: disk, kind: failure.Unavailable, outcome: "failed"},
		"never to be stored":         {err: failure.New(failure.Invalid, "invalid_event", "no", nil), kind: failure.Invalid, outcome: "rejected"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, m := newDoor(t, intake.Options{Store: storeFunc(func(context.Context, []platforms.Event) ([]inbox.Accepted, error) { return test.results, test.err })})
			in := one("slack")
			in.Events[0].Ignore, in.OwnIDs = test.ignore, test.ownIDs
			_, err := d.Take(t.Context(), in)
			if (err != nil) != (test.kind != failure.Internal) || failure.KindOf(err) != test.kind {
				t.Errorf("error %v, want kind %v", err, test.kind)
			}
			for _, outcome := range []string{"accepted", "duplicate", "ignored", "rejected", "failed"} {
				want := 0.0
				if outcome == test.outcome {
					want = 1
				}
				if got := testutil.ToFloat64(m.Webhooks.WithLabelValues("slack", outcome)); got != want {
					t.Errorf("%s: %v, want %v", outcome, got, want)
				}
			}
		})
	}
}

// Whatever strangers send, a line tells of it once a minute, for each source
// and reason.
func TestRefusalsAreOneLineAMinute(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	var log strings.Builder
	d, m := newDoor(t, intake.Options{
		Store: storeFunc(stored), Logger: slog.New(slog.NewJSONHandler(&log, nil)), Now: func() time.Time { return now },
	})
	bad := failure.New(failure.Unauthorized, "bad_signature", "the signature does not fit", nil)
	refuse := func(source string, n int) {
		for range n {
			d.Refuse(t.Context(), source, bad)
		}
	}
	refuse("slack", 5)
	refuse("generic", 5)
	now = now.Add(59 * time.Second)
	refuse("slack", 5)
	now = now.Add(time.Second)
	refuse("slack", 5)
	told := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(told) != 3 || !strings.Contains(told[2], `"platform":"slack","reason":"bad_signature","count":10`) {
		t.Errorf("%d lines: %q", len(told), told)
	}
	if got := testutil.ToFloat64(m.WebhooksRefused.WithLabelValues("slack", "bad_signature")); got != 15 {
		t.Errorf("%v counted, want 15", got)
	}
}
