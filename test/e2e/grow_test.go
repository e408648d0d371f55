package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

// A reply that takes its time grows on Feishu in one card, and ends there whole
// when the gateway is killed at any step of it.
func TestFeishuReplyGrowsThroughAKill(t *testing.T) {
	t.Parallel()
	steps := map[string]fakefeishu.Route{"never": "", "as it is shown": fakefeishu.Reply, "as it grows": fakefeishu.CardContent}
	if os.Getenv("PARLEY_CRASH_KILLS") != "" { // the long form
		steps["as the card is made"], steps["as it is closed"] = fakefeishu.CardCreate, fakefeishu.CardSettings
		steps["at the last change"] = fakefeishu.CardUpdate
	}
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			growThroughAKill(t, step)
		})
	}
}

func growThroughAKill(t *testing.T, step fakefeishu.Route) {
	t.Helper()
	w := newWorld(t)
	w.feishu.Know("om_1", "oc_1")
	ctx := patience(t)
	slow, seen := make(chan struct{}), make(chan struct{})
	go func() { // a model that writes a word every 100 ms, and does not end before it was seen to grow
		for n := 0; ctx.Err() == nil; n++ {
			pause(ctx, 100*time.Millisecond)
			if n == 15 && step == fakefeishu.CardContent {
				select {
				case <-seen:
				case <-ctx.Done():
				}
			}
			select {
			case slow <- struct{}{}:
			case <-ctx.Done():
			}
		}
	}()
	var pieces []string
	for i := range 20 {
		pieces = append(pieces, fmt.Sprintf("word%d ", i))
	}
	answer := fakeopenai.Step{Pieces: pieces, Slow: slow}
	w.openai.Script(answer, answer)

	p := w.spawn(t, "only")
	event := func(url string) *http.Request {
		header, body := fakefeishu.SignedRequest(feishuKey, time.Now(), fakefeishu.MessageEvent(fakefeishu.Message{
			AppID: feishuApp, Token: feishuToken, MessageID: "om_1", Text: "Take your time",
		}))
		req, _ := http.NewRequestWithContext(ctx, http.MethodPost, url+"/webhooks/feishu", strings.NewReader(string(body)))
		req.Header = header
		return req
	}
	s := newSender(p.url)
	if step != "" {
		w.feishu.Misbehave(step, fakefeishu.TakeThenHang())
	}
	if !s.send(ctx, event) {
		t.Fatal("the event was never accepted")
	}
	if step != "" {
		if err := w.feishu.WaitRequests(ctx, step, 1); err != nil {
			t.Fatal(err)
		}
		p.kill()
		close(seen)
		w.spawn(t, "only")
	}
	want := strings.TrimSpace(strings.Join(pieces, ""))
	var shown []fakefeishu.Sent
	for ctx.Err() == nil {
		shown = w.feishu.Messages()
		if len(shown) == 1 && strings.TrimSpace(shown[0].Text) == want {
			if c, _ := w.feishu.Card(shown[0].Card); !c.Growing && c.Summary != "" && len(w.feishu.Signs("om_1")) == 0 {
				return
			}
		}
		pause(ctx, 50*time.Millisecond)
	}
	c := fakefeishu.Shown{}
	if len(shown) > 0 {
		c, _ = w.feishu.Card(shown[0].Card)
	}
	t.Errorf("shown %+v, the card %+v, signs %q", shown, c, w.feishu.Signs("om_1"))
}
