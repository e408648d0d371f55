package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
)

// Somebody whom others have quoted, in a question of theirs and so in the summary of
// their conversation, erases themselves: no table holds their words any more.
func TestQuotedInASummaryAndErased(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		for _, folded := range []bool{false, true} { // the summary waits, or stands in prompts
			t.Run(fmt.Sprint(engine, " ", folded), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.database = dbtest.URL(t, engine)
				eraseQuoted(t, w, folded)
			})
		}
	}
}

func eraseQuoted(t *testing.T, w *world, folded bool) {
	t.Helper()
	const zelda = "ou_zelda"
	w.feishu.Say(fakefeishu.Message{MessageID: "om_plan", Sender: zelda, Text: "the " + zeldaWord + " is loud"})
	w.openai.SetReply(func(call fakeopenai.Call) string {
		if strings.Contains(call.LastUserText(), "Summarise this conversation") {
			return "## Names, dates, numbers\n" + zeldaWord
		}
		return "Indeed."
	})
	s := w.start(t, func(c *config.Config) {
		c.AI.ContextTokens, c.AI.Tools.MaxRounds = 900, 0
	})
	shown := 0
	say := func(m fakefeishu.Message) {
		t.Helper()
		shown++
		m.AppID, m.Token, m.MessageID = feishuApp, feishuToken, fmt.Sprint("om_", shown)
		if a := s.feishuEvent(fakefeishu.MessageEvent(m)); a.status != 200 {
			t.Fatalf("answered %d", a.status)
		}
		if _, err := w.feishu.WaitMessages(patience(t), shown); err != nil {
			t.Fatal(err)
		}
	}
	say(fakefeishu.Message{Text: "What does that mean?", Parent: "om_plan"})
	held(t, w.database, []string{"messages"}, zeldaWord)
	in := func(table string) bool {
		for _, found := range traces(t, w.database, zeldaWord) {
			if strings.HasPrefix(found, table+".summary ") {
				return true
			}
		}
		return false
	}
	table := map[bool]string{false: "compactions", true: "conversations"}[folded]
	for i := 0; i < 20 && !in(table); i++ {
		say(fakefeishu.Message{Text: fmt.Sprint(i, strings.Repeat(" and so on", 40))})
		s.settled(t)
	}
	if !in(table) {
		t.Fatal("no summary holds the word: the test would prove nothing")
	}
	forgetter := fakefeishu.Message{Sender: zelda, ChatID: "oc_zelda", Text: "/forget-me"}
	say(forgetter)
	forgetter.Text = "/forget-me yes"
	say(forgetter)
	gone(t, w.database, zeldaWord, zelda)
	before := len(w.openai.Calls())
	say(fakefeishu.Message{Text: "And now?"})
	asked := false
	for _, call := range w.openai.Calls()[before:] { // a summary may be made behind the reply
		asked = asked || strings.Contains(call.LastUserText(), "And now?")
		if told := fmt.Sprint(call.Messages); strings.Contains(told, zeldaWord) {
			t.Errorf("the model is told %s", told)
		}
	}
	if !asked {
		t.Error("the model is not asked")
	}
}
