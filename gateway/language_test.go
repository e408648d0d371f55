package gateway_test

import (
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/gateway"
	"github.com/parley-bot/parley/gateway/budget"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
)

// Whatever the gateway says by itself is in the language of who wrote: by the
// preference, else the event's locale.
func TestSentencesAreInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	w := process(t, dbtest.New(t), &model{}, &chat{}, options{owner: "me"})
	w.model.reply = answerOr(failure.New(failure.Permanent, ai.CodeInvalidAPIKey, "", nil))
	w.start()
	for _, c := range []struct{ id, locale, text, want string }{
		{"e1", "en-GB", "hi", "Sorry, I can't answer right now because of a configuration problem. Please tell your administrator."},
		{"e2", "zh-CN", "hi", "抱歉，由于配置问题，我暂时无法回答。请联系管理员。"},
		{"e3", "en-GB", "/save language zh", "Saved preference 'language' with value 'zh'"},
		{"e4", "en-GB", "hi", "抱歉，由于配置问题，我暂时无法回答。请联系管理员。"},
	} {
		e := message("chat", c.id, "ann", c.text)
		e.Locale = c.locale
		w.final(w.accept(e)[0])
		if shown := w.chat.all(); shown[len(shown)-1].Text != c.want {
			t.Errorf("%s %q: %q", c.id, c.text, shown[len(shown)-1].Text)
		}
	}
}

func TestRefusalsAreInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	w := process(t, dbtest.New(t), &model{reply: repeating}, &chat{}, options{owner: "me"})
	w.change(func(o *turn.Options) { o.Budget = budget.New(w.db, budget.Limits{Person: 1}, time.Minute) })
	w.start()
	e := message("chat", "e1", "ann", "hello")
	w.final(w.accept(e)[0])
	e.ID, e.Locale = "e2", "zh"
	w.final(w.accept(e)[0])
	_, end := w.turns.Budget.Limits().Period(time.Now())
	want := "您的 1 token 额度已用完，将于 " + end.Format("2006-01-02 15:04 MST") + " 重置。"
	if shown := w.chat.all(); shown[1].Text != want {
		t.Errorf("%q, want %q", shown[1].Text, want)
	}
}

// What a program reads in the status is for its user too.
func TestStatusIsInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	w := process(t, dbtest.New(t), &model{reply: repeating}, &chat{}, options{owner: "me"})
	e := message("chat", "e1", "ann", "hello")
	e.Locale = "zh"
	a := w.accept(e)[0]
	if err := w.inbox.Discard(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	s, err := w.gateway.Wait(t.Context(), a, nil)
	if err != nil || s.Status != gateway.StatusDead || s.Error.Message != "管理员已丢弃这条消息。" {
		t.Errorf("%+v %+v, %v", s, s.Error, err)
	}
}
