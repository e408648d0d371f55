package e2e_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// longReply returns how long a reply takes, what the model says every half second,
// and the reply.
func longReply() (length time.Duration, pieces []string, reply string) {
	length, err := time.ParseDuration(os.Getenv("PARLEY_LONG_REPLY"))
	if err != nil {
		length = 4 * time.Second
	}
	for i := range int(length / (500 * time.Millisecond)) {
		pieces = append(pieces, fmt.Sprintf("w%d ", i))
	}
	return length, pieces, strings.TrimSpace(strings.Join(pieces, ""))
}

// A reply that takes long ends as one whole message on Slack, which ends its own
// streams after five minutes, and no call is beyond Slack's limits. With
// PARLEY_LONG_REPLY=12m it takes that long.
func TestLongSlackReplyIsOneMessage(t *testing.T) {
	t.Parallel()
	length, pieces, want := longReply()
	for name, event := range map[string]fakeslack.Event{
		"stream": {Text: fakeslack.Mention("") + " hi"}, "edits": {ChannelType: "im", Text: "hi"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.slack.Close()
			w.slack = fakeslack.New(t, fakeslack.Options{Token: slackToken, Tiers: true})
			s := w.start(t)
			w.openai.Script(fakeopenai.Step{Pieces: pieces, Pause: 500 * time.Millisecond})
			body := fakeslack.MentionEvent(event)
			if event.ChannelType == "im" {
				body = fakeslack.MessageEvent(event)
			}
			begun := time.Now()
			s.slackOK(body)
			done := func() bool { // its text is what stands beside the blocks, and may be cut
				m := w.slack.Messages()
				return len(m) == 1 && strings.HasPrefix(m[0].BlockText(), want) && m[0].Metadata != nil &&
					m[0].StreamingState != fakeslack.Streaming && w.slack.Signs() == 0
			}
			for ctx := t.Context(); !done(); pause(ctx, 50*time.Millisecond) {
				if time.Since(begun) > length*5/4+20*time.Second {
					t.Fatalf("after %v: %+v", time.Since(begun), w.slack.Messages())
				}
			}
			hits, calls := w.slack.LimitHits()
			t.Logf("whole in one message after %.1f s; starts %d, appends %d, updates %d; %d of %d calls beyond the limits", time.Since(begun).Seconds(),
				w.slack.Calls(fakeslack.ChatStartStream), w.slack.Calls(fakeslack.ChatAppendStream), w.slack.Calls(fakeslack.ChatUpdate), hits, calls)
			if hits > 0 {
				t.Errorf("%d of %d calls were beyond the limits", hits, calls)
			}
		})
	}
}

// A reply that takes long ends as one whole card on Feishu, which types for ten
// minutes alone, and no call is beyond Feishu's limits.
func TestLongFeishuReplyIsOneMessage(t *testing.T) {
	t.Parallel()
	length, pieces, want := longReply()
	w := newWorld(t)
	w.feishu.EnforceLimits()
	s := w.start(t)
	w.openai.Script(fakeopenai.Step{Pieces: pieces, Pause: 500 * time.Millisecond})
	begun := time.Now()
	if a := s.feishuEvent(fakefeishu.MessageEvent(fakefeishu.Message{AppID: feishuApp, Token: feishuToken, MessageID: "om_1", Text: "hi"})); a.status != 200 {
		t.Fatalf("answered %d", a.status)
	}
	done := func() bool {
		m := w.feishu.Messages()
		if len(m) != 1 || strings.TrimSpace(m[0].Text) != want {
			return false
		}
		c, grew := w.feishu.Card(m[0].Card)
		return grew && !c.Growing && c.Summary != "" && len(w.feishu.Signs("om_1")) == 0
	}
	for ctx := t.Context(); !done(); pause(ctx, 50*time.Millisecond) {
		if time.Since(begun) > length*5/4+20*time.Second {
			t.Fatalf("after %v: %+v", time.Since(begun), w.feishu.Messages())
		}
	}
	t.Logf("whole in one message after %.1f s; changed %d times, opened anew or closed %d, written as a whole %d; %d calls beyond the limits",
		time.Since(begun).Seconds(), w.feishu.Requests(fakefeishu.CardContent), w.feishu.Requests(fakefeishu.CardSettings),
		w.feishu.Requests(fakefeishu.CardUpdate), w.feishu.Refused())
	if w.feishu.Refused() > 0 || w.feishu.Requests(fakefeishu.CardUpdate) != 1 {
		t.Error("it met a limit, or outlived its card")
	}
}
