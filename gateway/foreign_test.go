package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/platforms"
)

// A tool that acts outside is asked about once others' words are in the prompt. What
// Parley's own tools find of the asker's words, and the time, are none.
func TestOwnResultsAreNotForeign(t *testing.T) {
	t.Parallel()
	const fact, word = `{"query":"tea"}`, `{"query":"apples"}`
	for name, c := range map[string]struct {
		private bool
		before  []string // who said what, in turns
		first   []string // the tool that is used before, and its arguments
		asks    bool
	}{
		"the time":                 {first: []string{"current_time", `{}`}},
		"the time in private":      {private: true, first: []string{"current_time", `{}`}},
		"a new fact":               {first: []string{"remember", `{"key":"tea","value":"green"}`}},
		"one's own fact":           {before: []string{"ann", "/remember tea is green"}, first: []string{"recall", fact}},
		"one's fact in private":    {private: true, before: []string{"ann", "/remember tea is green"}, first: []string{"recall", fact}},
		"another's fact":           {before: []string{"bob", "/remember tea is green"}, first: []string{"recall", fact}, asks: true},
		"another's and one's own":  {before: []string{"ann", "/remember tea is green", "bob", "/remember tea time is noon"}, first: []string{"recall", fact}, asks: true},
		"a fact that was there":    {before: []string{"bob", "/remember tea is green"}, first: []string{"remember", `{"key":"tea","value":"red"}`}, asks: true},
		"no fact":                  {before: []string{"bob", "/remember coffee is black"}, first: []string{"recall", fact}},
		"one's history in private": {private: true, before: []string{"ann", "apples are red"}, first: []string{"search_history", word}},
		"another's history":        {before: []string{"bob", "apples are red"}, first: []string{"search_history", word}, asks: true},
		"a page in private":        {private: true, first: []string{"look", `{}`}, asks: true},
		"an answer to a page":      {private: true, before: []string{"ann", "look apples"}, first: []string{"search_history", word}, asks: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &post{}
			m := &model{whole: func(_ context.Context, ask ai.Ask, _ func(string)) (ai.Response, error) {
				text, results := ask.New[0].Content, len(resultsIn(ask))
				switch {
				case strings.HasPrefix(text, "look ") && results == 0:
					return calling("look", "{}"), nil
				case text != "go on" || results == 2:
					return answering("re " + text), nil
				case results == 0:
					return calling(c.first...), nil
				}
				return calling("publish", `{"n":1}`), nil
			}}
			w := process(t, dbtest.New(t), m, &chat{}, options{owner: "one", workers: 2, scope: inbox.ScopeRoom})
			w.change(func(o *turn.Options) {
				o.Tools = turn.Tools{
					Builtin:   []string{"current_time", "remember", "recall", "search_history"},
					MaxRounds: 4, Timeout: time.Minute, Approve: turn.ApproveAsker,
					More: func(ctx context.Context) []ai.Tool { return hostile(ctx, p, &injected{quotes: true}) },
				}
			})
			w.start()
			say := func(who, text string) string {
				e := message("silent", fmt.Sprint("m", ids.Add(1)), who, text)
				if c.private {
					e.ChatType = platforms.Private
				}
				return w.replyTo(w.accept(e)[0])
			}
			for i := 0; i < len(c.before); i += 2 {
				say(c.before[i], c.before[i+1])
			}
			reply := say("ann", "go on")
			if asked := strings.Contains(reply, "/approve`"); asked != c.asks || p.times(`{"n":1}`) == 1 == c.asks {
				t.Errorf("%q, done %d times", reply, p.times(`{"n":1}`))
			}
		})
	}
}
