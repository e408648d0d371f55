package e2e_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// Many people mention the bot at once in a channel that takes one message a second:
// everybody is answered in little more than the time that this takes, and quiet
// channels beside it at once. make pace has twenty of them, and is strict about time.
func TestBusyChannelAtFullLimits(t *testing.T) {
	t.Parallel()
	mentions, most, quick := 4, 12*time.Second, 2*time.Second // a loaded machine is slow
	if os.Getenv("PARLEY_PACE") != "" {
		mentions, most, quick = 20, 22*time.Second, 100*time.Millisecond
	}
	w := newWorld(t)
	w.slack.Close()
	w.slack = fakeslack.New(t, fakeslack.Options{Token: slackToken, Tiers: true})
	s := w.start(t)
	mention := func(channel string, n int) {
		s.slackOK(fakeslack.MentionEvent(fakeslack.Event{
			EventID: fmt.Sprint(channel, n), TS: fmt.Sprintf("17000000%02d.000100", n), Channel: channel, Text: fakeslack.Mention("") + " hi",
		}))
	}
	ctx := patience(t)
	begun := time.Now()
	for n := range mentions {
		mention("CBUSY", n)
	}
	var quiet []time.Duration
	for n := range 100 {
		asked := time.Now()
		mention(fmt.Sprint("CQUIET", n), 0)
		answered := func(m fakeslack.Message) bool { return m.Channel == fmt.Sprint("CQUIET", n) }
		for all := w.slack.Messages(); !slices.ContainsFunc(all, answered); {
			var err error
			if all, err = w.slack.WaitMessages(ctx, len(all)+1); err != nil {
				t.Fatal(err)
			}
		}
		quiet = append(quiet, time.Since(asked))
	}
	if _, err := w.slack.WaitMessages(ctx, mentions+len(quiet)); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begun)
	if os.Getenv("PARLEY_PACE") == "" { // the quiet ones, one after the other, take what the machine needs
		for _, d := range quiet {
			most += d
		}
	}
	slices.Sort(quiet)
	p99 := quiet[len(quiet)*99/100-1]
	t.Logf("%d replies in %v; quiet channels p50 %v, p99 %v, most %v", mentions, took, quiet[len(quiet)/2], p99, quiet[len(quiet)-1])
	if took > most {
		t.Errorf("took %v", took)
	}
	if p99 > quick {
		t.Errorf("quiet channels waited %v", quiet)
	}
}
