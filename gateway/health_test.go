package gateway_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
)

// What is dead or stuck shows in the metrics, without anybody asking.
func TestGauges(t *testing.T) {
	t.Parallel()
	w, _ := timed(t, options{owner: "me"})
	w.chat.fail = func() error { return failure.New(failure.Permanent, "is_archived", "", nil) }
	w.accept(said("dead", "hi"))
	run(t, w)
	w.chat.fail = func() error { return failure.RetryAfter(time.Hour, "ratelimited", "", nil) }
	w.accept(said("failed", "hi"))
	run(t, w)
	w.start()
	want := []string{
		"parley_events_dead 1", "parley_events_failed 1", "parley_queue_depth 1", "parley_conversations_running 0",
		"parley_conversations_quarantined 0", "parley_oldest_waiting_seconds 0", `parley_circuit_state{endpoint="chat"} 2`,
	}
	deadline := time.After(20 * time.Second)
	for {
		rec := httptest.NewRecorder()
		w.metrics.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
		missing := ""
		for _, line := range want {
			if !strings.Contains(rec.Body.String(), "\n"+line) {
				missing = line
			}
		}
		if missing == "" {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("missing %s in\n%s", missing, rec.Body)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
