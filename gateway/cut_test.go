package gateway_test

import (
	"context"
	"strings"
	"testing"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

const cutNotice = "\n\n(This reply is too long to be shown in full; the rest is left out.)"

// What a model says beyond gateway.max_reply is neither shown nor stored, and the
// reply says that it was cut: a program that puts its pieces together has it too.
func TestLongReplyIsCut(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]func(ask ai.Ask) ai.Response{
		"the model stops there": func(ask ai.Ask) ai.Response {
			return ai.Response{Text: strings.Repeat("x", ask.MaxText), Cut: true, FinishReason: "length"}
		},
		"the model knows no limit": func(ai.Ask) ai.Response {
			return ai.Response{Text: strings.Repeat("x", 4<<20), FinishReason: "stop"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &model{whole: func(_ context.Context, ask ai.Ask, onDelta func(string)) (ai.Response, error) {
				r := reply(ask)
				r.Model, r.PromptTokens, r.CompletionTokens = "m", 1, 1
				onDelta(r.Text[:5])
				return r, nil
			}}
			w := process(t, dbtest.New(t), m, &chat{}, options{owner: "me"})
			w.change(func(o *turn.Options) { o.MaxReply = 4 << 10 })
			w.start()
			a := w.accept(message("silent", "e1", "ann", "hello"))[0]
			var pieces strings.Builder
			if _, err := w.gateway.Wait(t.Context(), a, func(text string) { pieces.WriteString(text) }); err != nil {
				t.Fatal(err)
			}
			s := w.final(a)
			want := strings.Repeat("x", 4<<10-256) + cutNotice
			if s.Reply.Text != want || len(want) > 4<<10 {
				t.Errorf("reply of %d bytes: …%q", len(s.Reply.Text), s.Reply.Text[len(s.Reply.Text)-90:])
			}
			if pieces.String() != want {
				t.Errorf("pieces of %d bytes", pieces.Len())
			}
			if h := w.history(); h[len(h)-1].Content != want {
				t.Errorf("stored %d bytes", len(h[len(h)-1].Content))
			}
		})
	}
}

// Case 44: an answer that the model's own limit has ended says so.
func TestCase44FinishLengthIsMarked(t *testing.T) {
	t.Parallel()
	m := &model{whole: func(context.Context, ai.Ask, func(string)) (ai.Response, error) {
		return ai.Response{Text: "Once upon a", Model: "m", FinishReason: "length"}, nil
	}}
	w := process(t, dbtest.New(t), m, &chat{}, options{owner: "me"})
	w.start()
	e := message("silent", "e1", "ann", "a story")
	e.Locale = "zh"
	want := "Once upon a\n\n（回答已达到长度上限，到此为止。）"
	if s := w.final(w.accept(e)[0]); s.Reply.Text != want {
		t.Errorf("%q", s.Reply.Text)
	}
}
