package platformtest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/render/rendertest"
)

// testSplit: every character of a reply reaches the platform, in parts it takes.
func (h Harness) testSplit(t *testing.T) {
	if s, ok := h.Adapter.(platforms.SilentSender); ok && s.Silent() {
		t.Error("there is an address, and nothing is to be sent")
	}
	limit, size := h.Limit, h.Size
	if limit == 0 {
		limit, size = 1<<30, func(s string) int { return len(s) }
	}
	long := min(limit, 50_000)
	for _, reply := range []string{
		"", "short", " \n ",
		strings.Repeat("word ", long),
		strings.Repeat("x", 3*long),
		strings.Repeat("一段没有空格的中文。", long/4),
		strings.Repeat("👩‍👩‍👧‍👦", long/4),
		strings.Repeat("<&>\"\\\t", long),
		"before\n\n```go\n" + strings.Repeat("fmt.Println(`1 < 2`)\n", long/8) + "```\n\nafter",
		strings.Repeat("| a | b |\n", long/4),
		strings.Repeat("a\x00b\xff", long/4),
	} {
		parts := h.Adapter.Split(reply)
		if err := rendertest.Check(reply, parts, limit, size); err != nil {
			t.Errorf("%.20q…: %.500s", reply, err)
		}
		if h.Limit == 0 && len(parts) > 1 {
			t.Errorf("%.20q…: %d parts, although there is no limit", reply, len(parts))
		}
	}
}

func part(key, text string) platforms.Part {
	return platforms.Part{Key: key, Text: text, EventIDs: []string{"event-1", "event-2"}}
}

func (h Harness) count(text string) int {
	n := 0
	for _, s := range h.Shown() {
		if s == text {
			n++
		}
	}
	return n
}

func (h Harness) send(t *testing.T, p platforms.Part) string {
	t.Helper()
	id, err := h.Adapter.Send(t.Context(), h.Address, p)
	if err != nil {
		t.Fatalf("send %q: %v", p.Text, err)
	}
	return id
}

// settle does what the gateway does after a crash: look, and repeat when that
// is right. It returns what the look said.
func (h Harness) settle(t *testing.T, p platforms.Part, since time.Time) (f platforms.Finding, id string) {
	t.Helper()
	f, id, err := h.Adapter.Find(t.Context(), h.Address, p, since)
	if err != nil {
		t.Fatalf("find %q: %v", p.Text, err)
	}
	if f == platforms.Missing {
		id = h.send(t, p)
	}
	return f, id
}

// testSendAndFind: what was sent is found or may be repeated, what was not
// sent is not found; either way it is shown once.
func (h Harness) testSendAndFind(t *testing.T) {
	since := time.Now()
	sent, other, never := part("find-a-0", "sent and found"), part("find-b-0", "sent as well"), part("find-c-0", "not sent before")
	id := h.send(t, sent)
	h.send(t, other)
	if f, found := h.settle(t, sent, since); f == platforms.Unknowable || found != id {
		t.Errorf("sent as %q: finding %d, id %q", id, f, found)
	}
	if f, _ := h.settle(t, never, since); f == platforms.Shown {
		t.Error("found what was never sent")
	}
	for _, p := range []platforms.Part{sent, other} {
		if n := h.count(p.Text); n != 1 {
			t.Errorf("%q is shown %d times", p.Text, n)
		}
	}
	shown := h.Shown()
	if slices.Index(shown, sent.Text) > slices.Index(shown, other.Text) {
		t.Errorf("not in order: %q", shown)
	}
}

// testFault: the kind of the error says truly whether the part may be shown,
// and following it shows the part at most once.
func (h Harness) testFault(t *testing.T, f Fault) {
	t.Helper()
	since := time.Now()
	p := part("fault-"+strings.ReplaceAll(f.Name, " ", "-"), "after the fault: "+f.Name)
	p.Key = p.Key[:min(len(p.Key), 40)]
	f.Arrange()
	err := h.sendWithin(t, p, f.Timeout)
	if err == nil {
		t.Fatal("sent without an error")
	}
	if failure.KindOf(err) != f.Kind || failure.WaitOf(err) != f.Wait {
		t.Fatalf("kind %d, wait %v; want kind %d, wait %v: %v",
			failure.KindOf(err), failure.WaitOf(err), f.Kind, f.Wait, err)
	}
	if safe := failure.SafeOf(err); strings.Contains(safe, "127.0.0.1") || strings.Contains(safe, "://") {
		t.Errorf("the sentence for everybody holds an address: %q", safe)
	}
	want := 1
	switch f.Kind {
	case failure.Permanent:
		want = 0
	case failure.Ambiguous:
		if f, _ := h.settle(t, p, since); f == platforms.Unknowable {
			want = h.count(p.Text) // nobody can tell, so nothing was repeated
		}
	default:
		h.send(t, p)
	}
	if n := h.count(p.Text); n != want || n > 1 {
		t.Errorf("shown %d times, want %d", n, want)
	}
}

func (h Harness) sendWithin(t *testing.T, p platforms.Part, limit time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), cmp.Or(limit, time.Minute))
	defer cancel()
	_, err := h.Adapter.Send(ctx, h.Address, p)
	return err
}
