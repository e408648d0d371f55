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

// A fact that a model has remembered while it was told others' words is others' words
// to every later turn, also where another process has taken the turn up in between. It
// is the person's own once they say the same.
func TestFactsOfOthersWordsStayTheirs(t *testing.T) {
	t.Parallel()
	const tea, red = `{"key":"tea","value":"green"}`, `{"key":"tea","value":"red"}`
	recall := []string{"recall", `{"query":"tea"}`}
	page := []string{"look", "{}"}
	for name, c := range map[string]struct {
		before, after string   // what ann says herself, before the model remembers and behind it
		reads         []string // the tool that is used before, and its arguments
		dies          bool     // the process, between the plan to remember and its being done
		then          []string // what is used in another chat
		asks          bool
	}{
		"a page":              {reads: page, then: recall, asks: true},
		"a page and a crash":  {reads: page, dies: true, then: recall, asks: true},
		"a page, another key": {reads: page, then: []string{"remember", `{"key":"coffee","value":"black"}`}},
		"a page, what it is":  {reads: page, then: []string{"remember", red}, asks: true},
		"nothing":             {reads: []string{"current_time", "{}"}, then: recall},
		"nothing and a crash": {reads: []string{"current_time", "{}"}, dies: true, then: recall},
		"said again":          {reads: page, after: "/remember tea is green", then: recall},
		"said otherwise":      {reads: page, after: "/remember tea is red", then: recall, asks: true},
		"said before":         {before: "/remember tea is green", reads: page, then: recall},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, db, begun := &post{}, dbtest.New(t), make(chan struct{}, 1)
			m := &model{whole: func(_ context.Context, ask ai.Ask, _ func(string)) (ai.Response, error) {
				switch results := resultsIn(ask); {
				case ask.New[0].Content == "note" && len(results) == 0:
					return calling(c.reads...), nil
				case ask.New[0].Content == "note" && len(results) == 1:
					return calling("wait", "{}", "remember", tea), nil
				case ask.New[0].Content == "go on" && len(results) == 0:
					return calling(c.then...), nil
				case ask.New[0].Content == "go on" && len(results) == 1:
					return calling("publish", `{"n":1}`), nil
				}
				return answering("fine"), nil
			}}
			run := func(owner string, waits bool) *world {
				w := process(t, db, m, &chat{}, options{owner: owner, scope: inbox.ScopeChat, grace: time.Millisecond})
				wait := ai.Tool{Name: "wait", Schema: []byte("{}"), Run: func(ctx context.Context, _, _ string) (ai.ToolResult, error) {
					if waits {
						begun <- struct{}{}
						<-ctx.Done()
					}
					return ai.ToolResult{Text: "waited"}, ctx.Err()
				}}
				w.change(func(o *turn.Options) {
					o.Tools = turn.Tools{
						Builtin: []string{"current_time", "remember", "recall"}, MaxRounds: 4, Timeout: time.Minute, Approve: turn.ApproveAsker,
						More: func(ctx context.Context) []ai.Tool { return append(hostile(ctx, p, &injected{}), wait) },
					}
				})
				w.start()
				return w
			}
			in := func(chat, text string) platforms.Event {
				e := message("silent", fmt.Sprint("m", ids.Add(1)), "ann", text)
				e.ChatType, e.ChatID = platforms.Private, chat
				return e
			}
			w := run("one", c.dies)
			if c.before != "" {
				w.replyTo(w.accept(in("commands", c.before))[0])
			}
			noted := w.accept(in("here", "note"))[0]
			if c.dies {
				<-begun
				w.gateway.Stop()
				w = run("two", false)
			}
			w.replyTo(noted)
			m.mu.Lock()
			asked := len(m.asked)
			m.mu.Unlock()
			if asked != 3 { // the call that was planned is what was done
				t.Fatalf("the model was asked %d times until it was remembered", asked)
			}
			if c.after != "" {
				w.replyTo(w.accept(in("commands", c.after))[0])
			}
			reply := w.replyTo(w.accept(in("there", "go on"))[0])
			if asked := strings.Contains(reply, "/approve`"); asked != c.asks || p.times(`{"n":1}`) == 1 == c.asks {
				t.Errorf("%q, done %d times", reply, p.times(`{"n":1}`))
			}
		})
	}
}
