package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// How soon people see that they were heard, and the first text, while many chats in
// ten workspaces are answered at once, at Slack's full limits. make pace has 100
// chats, and is strict about time.
func TestSignsAndFirstTextsComeSoon(t *testing.T) {
	t.Parallel()
	chats, sign, text := 20, 5*time.Second, 10*time.Second // a loaded machine is slow
	if os.Getenv("PARLEY_PACE") != "" {
		chats, sign, text = 100, 300*time.Millisecond, time.Second
	}
	w := newWorld(t)
	var workspaces [10]*fakeslack.Server // with an app each, and limits of its own
	for i := range workspaces {
		workspaces[i] = fakeslack.New(t, fakeslack.Options{Token: slackToken, Tiers: true})
	}
	s := w.start(t, func(c *config.Config) {
		for i, one := range workspaces {
			app := c.Platforms.Slack.SlackApp
			app.APIURL = config.URL(one.APIURL())
			c.Platforms.Slack.Apps = append(c.Platforms.Slack.Apps, config.NamedSlackApp{Name: fmt.Sprint("w", i), SlackApp: app})
		}
	})
	const piece, opens = 250 * time.Millisecond, 750 * time.Millisecond
	pieces := slices.Repeat([]string{"word "}, 40) // ten seconds, so that all are active at once
	w.openai.Always(fakeopenai.Step{Pieces: pieces, Pause: piece})
	var mu sync.Mutex
	var signs, texts []time.Duration
	var chatting sync.WaitGroup
	for i := range chats {
		pause(t.Context(), 50*time.Millisecond)
		channel, ts := fmt.Sprint("C", i), fmt.Sprintf("1700000%03d.000100", i)
		body := fakeslack.MentionEvent(fakeslack.Event{
			EventID: fmt.Sprint("Ev", i), Channel: channel, TS: ts, User: fmt.Sprint("U", i), Text: fakeslack.Mention("") + " " + channel,
		})
		req, err := fakeslack.SignedRequest(t.Context(), fmt.Sprint(s.url, "/webhooks/slack/w", i%10), slackSecret, time.Now(), body)
		if err != nil {
			t.Fatal(err)
		}
		if a := s.do(req); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
		asked := time.Now()
		chatting.Go(func() {
			seen := watch(t, workspaces[i%10], channel, ts)
			mu.Lock()
			defer mu.Unlock()
			signs = append(signs, seen.sign.Sub(asked))
			if grew := seen.text.Sub(asked); grew < time.Duration(len(pieces))*piece { // the others have found no room
				// The first text, then the first one that comes so long after it.
				texts = append(texts, grew-(piece+opens+piece))
			}
		})
	}
	chatting.Wait()
	slices.Sort(signs)
	slices.Sort(texts)
	if len(texts) == 0 {
		t.Fatal("no reply grew")
	}
	p := func(list []time.Duration, n int) time.Duration { return list[(len(list)*n-1)/100] }
	t.Logf("%d chats: signs after the commit p50 %v, p99 %v; %d replies grew, first text after the opening rule p50 %v, p99 %v",
		chats, p(signs, 50), p(signs, 99), len(texts), p(texts, 50), p(texts, 99))
	if p(signs, 99) > sign || p(texts, 99) > text {
		t.Errorf("signs %v, texts %v", signs, texts)
	}
	for _, one := range workspaces {
		if hits, calls := one.LimitHits(); hits > 0 {
			t.Errorf("%d of %d calls were beyond the limits", hits, calls)
		}
	}
}

// seen is when something was seen in a thread.
type seen struct{ sign, text time.Time }

// watch returns once there was a sign of work and a text.
func watch(t *testing.T, in *fakeslack.Server, channel, ts string) (s seen) {
	t.Helper()
	ctx := patience(t)
	for ctx.Err() == nil && (s.sign.IsZero() || s.text.IsZero()) {
		if s.sign.IsZero() && in.Status(channel, ts) != "" {
			s.sign = time.Now()
		}
		if s.text.IsZero() && slices.ContainsFunc(in.Messages(), func(m fakeslack.Message) bool { return m.Channel == channel }) {
			s.text = time.Now()
		}
		pause(ctx, 5*time.Millisecond)
	}
	return s
}
