package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/gateway/budget"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/platforms"
)

// A budget is one person's in all chats: private and group together, another
// tenant apart, commands free. The model of these tests reports 500 tokens a reply.
func TestBudgetIsOfAPerson(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := process(t, db, &model{reply: repeating, each: 500}, &chat{}, options{})
		w.change(func(o *turn.Options) { o.Budget = budget.New(db, budget.Limits{Person: 1000}, time.Minute) })
		w.start()
		x := &isolation{world: w, name: "budget"}
		private := x.alice()
		private.ChatType, private.ChatID, private.ThreadID = platforms.Private, "D", ""
		other := x.alice()
		other.Tenant = "T2"
		for i := range 8 {
			x.say(x.alice(), fmt.Sprintf("/history %d", i+1))
		}
		for _, step := range []struct {
			who     platforms.Event
			text    string
			refused bool
		}{
			{x.alice(), "one", false}, {private, "two", false}, {private, "three", true}, {x.alice(), "four", true}, {other, "five", false}, {other, "six", false}, {other, "seven", true},
		} {
			got := x.say(step.who, step.text)
			if refused := strings.HasPrefix(got, "Your budget of 1000 tokens is used up."); refused != step.refused || !refused && got != "re "+step.text {
				t.Errorf("%s: %s", step.text, got)
			}
		}
		if got := x.say(private, "/tokens"); !strings.HasPrefix(got, "Tokens used by you: 1000\n") {
			t.Error(got)
		}
	})
}

// A chat's budget is one for everybody in it, and in no other.
func TestBudgetOfAChat(t *testing.T) {
	t.Parallel()
	w := process(t, dbtest.New(t), &model{reply: repeating, each: 500}, &chat{}, options{})
	w.change(func(o *turn.Options) { o.Budget = budget.New(w.db, budget.Limits{Chat: 1000}, time.Minute) })
	w.start()
	x := &isolation{world: w, name: "chat"}
	bob, elsewhere, abroad := x.alice(), x.alice(), x.alice()
	bob.SenderID, bob.ThreadID, elsewhere.ChatID, abroad.Tenant = "bob", "2", "C2", "T2"
	x.say(x.alice(), "one")
	x.say(bob, "two")
	for _, e := range []platforms.Event{bob, x.alice()} {
		if got := x.say(e, "three"); !strings.HasPrefix(got, "This chat's budget of 1000 tokens is used up.") {
			t.Error(got)
		}
	}
	for _, e := range []platforms.Event{elsewhere, abroad} {
		if got := x.say(e, "four"); got != "re four" {
			t.Error(got)
		}
	}
}
