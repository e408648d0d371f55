package e2e_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// Sixty replies grow at once in one workspace of an organization: as many as its
// limits allow are streamed, the others posted. None is lost, hardly any call is
// refused, and another workspace of the same app does not notice.
func TestSixtyRepliesAtOnceInOneWorkspace(t *testing.T) {
	t.Parallel()
	most, delay := 89*time.Second, 3*time.Second // a loaded machine is slow
	if os.Getenv("PARLEY_PACE") != "" {
		delay = 100 * time.Millisecond
	}
	w := newWorld(t)
	w.slack.Close()
	w.slack = fakeslack.New(t, fakeslack.Options{Token: slackToken, Tiers: true})
	s, ctx := w.start(t), patience(t)
	mention := func(team, channel string) {
		s.slackOK(fakeslack.MentionEvent(fakeslack.Event{TeamID: team, EventID: "Ev" + channel, Channel: channel, Text: fakeslack.Mention("") + " hi"}))
	}
	waits := func(name string) time.Duration {
		var all []time.Duration
		for n := range 20 {
			channel := fmt.Sprint(name, n)
			w.slack.Place(channel, "T2")
			asked := time.Now()
			mention("T2", channel)
			w.shownIn(ctx, t, channel)
			all = append(all, time.Since(asked))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	quiet := waits("CQUIET")
	w.openai.Script(slowly(ctx, 60)...)
	begun := time.Now()
	for n := range 60 {
		mention(fakeslack.DefaultTeamID, fmt.Sprint("CBUSY", n))
	}
	if _, err := w.openai.WaitCalls(ctx, 80); err != nil {
		t.Fatal(err)
	}
	busy := waits("CBESIDE")
	for n := range 60 {
		w.shownIn(ctx, t, fmt.Sprint("CBUSY", n))
	}
	took := time.Since(begun)
	hits, calls := w.slack.LimitHits()
	t.Logf("60 replies in %v; %d of %d calls refused; %d streams; another workspace waits %v, without them %v",
		took, hits, calls, w.slack.Calls(fakeslack.ChatStartStream), busy, quiet)
	if took > most || hits*100 > calls {
		t.Errorf("took %v, %d of %d calls refused", took, hits, calls)
	}
	if busy-quiet > delay {
		t.Errorf("another workspace waits %v, without them %v", busy, quiet)
	}
	if n := len(w.slack.Messages()); n != 100 {
		t.Errorf("%d messages", n)
	}
}

// slowly returns so many answers that come in pieces over some seconds.
func slowly(ctx context.Context, n int) []fakeopenai.Step {
	pieces := []string{"this ", "is ", "a ", "reply ", "that ", "takes ", "its ", "time"}
	slow := make(chan struct{})
	go func() { // ends with the test
		for range n * len(pieces) {
			pause(ctx, 10*time.Millisecond)
			select {
			case slow <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return slices.Repeat([]fakeopenai.Step{{Pieces: pieces, Slow: slow}}, n)
}

// shownIn waits until a channel shows one message that is complete.
func (w *world) shownIn(ctx context.Context, t *testing.T, channel string) {
	t.Helper()
	complete := func(m fakeslack.Message) bool {
		return m.Channel == channel && m.StreamingState != fakeslack.Streaming && (m.Text == "reply to: hi" || m.Text == "this is a reply that takes its time")
	}
	for !slices.ContainsFunc(w.slack.Messages(), complete) {
		if ctx.Err() != nil {
			t.Fatalf("nothing is shown in %s: %+v", channel, w.slack.Messages())
		}
		pause(ctx, 2*time.Millisecond)
	}
}
