package gateway_test

import (
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// stuck streams a few words at its first call and then waits for its end;
// later calls are answered.
func stuck(begun chan<- struct{}) *model {
	m := &model{}
	m.reply = func(ctx context.Context, _ ai.Ask, onDelta func(string)) (string, error) {
		m.mu.Lock()
		m.reply = repeating
		m.mu.Unlock()
		onDelta("The answer ")
		onDelta("is fo")
		close(begun)
		<-ctx.Done()
		return "", ctx.Err()
	}
	return m
}

// A message stops the reply to the one before and is answered with it; nobody
// has seen anything, so nothing of it is kept.
func TestInterruptAnswersBothTogether(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		begun := make(chan struct{})
		w := process(t, db, stuck(begun), &chat{}, options{busy: turn.BusyInterrupt, owner: "me"})
		w.start()
		first := w.accept(message("chat", "e1", "alice", "one"))[0]
		<-begun
		asked := time.Now()
		second := w.accept(message("chat", "e2", "alice", "two"))[0]
		one, two := w.final(first), w.final(second)
		if took := time.Since(asked); took > 10*time.Second {
			t.Errorf("took %s", took)
		}
		if one.Reply == nil || two.Reply == nil || *one.Reply != *two.Reply || one.Reply.Text != "re one+two" {
			t.Errorf("%+v\n%+v", one, two)
		}
		shown := w.chat.all()
		if len(shown) != 1 {
			t.Fatalf("shown %+v", shown)
		}
		same(t, "covered", shown[0].Events, []string{"e1", "e2"})
		same(t, "stored", texts(w.history()), []string{"u:one", "u:two", "a:re one+two"})
		same(t, "given", w.model.last(), []string{"u:one", "u:two"})
		e, err := w.inbox.Get(t.Context(), first.ID)
		if err != nil || e.Failures != 0 {
			t.Errorf("an interrupted reply is no failure: %d, %v", e.Failures, err)
		}
	})
}

// What a waiting reader has seen of the stopped reply is kept, marked, behind
// the message it answers.
func TestInterruptKeepsWhatWasShown(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		begun := make(chan struct{})
		release := make(chan struct{})
		m := &model{}
		m.reply = func(ctx context.Context, ask ai.Ask, onDelta func(string)) (string, error) {
			<-release // until the reader listens
			return stuckReply(m, begun)(ctx, ask, onDelta)
		}
		w := process(t, db, m, &chat{}, options{busy: turn.BusyInterrupt, owner: "me"})
		w.start()
		first := w.accept(message("silent", "e1", "alice", "one"))[0]
		seen := make(chan string, 8)
		ended := make(chan string, 1)
		go func() {
			s, err := w.gateway.Wait(t.Context(), first, func(text string) { seen <- text })
			if err != nil || s.Reply == nil {
				ended <- ""
				return
			}
			ended <- s.Reply.Text
		}()
		for !w.gateway.Watched(first.ID) {
			runtime.Gosched()
		}
		close(release)
		<-begun
		var read string
		for read != "The answer is fo" {
			read += <-seen
		}
		second := w.accept(message("silent", "e2", "alice", "two"))[0]
		w.final(second)
		if text := <-ended; text != "re one+two" {
			t.Errorf("the reader got %q", text)
		}
		history := w.history()
		same(t, "stored", texts(history), []string{"u:one", "a:The answer is fo", "u:two", "a:re one+two"})
		if history[1].Metadata["interrupted"] != true || history[3].Metadata["interrupted"] != nil {
			t.Errorf("marks: %v, %v", history[1].Metadata, history[3].Metadata)
		}
		same(t, "given", w.model.last(), []string{"u:one", "a:The answer is fo", "u:two"})
	})
}

// stuckReply is the reply of stuck, for another model.
func stuckReply(m *model, begun chan<- struct{}) func(context.Context, ai.Ask, func(string)) (string, error) {
	reply := stuck(begun).reply
	return func(ctx context.Context, ask ai.Ask, onDelta func(string)) (string, error) {
		m.mu.Lock()
		m.reply = repeating
		m.mu.Unlock()
		return reply(ctx, ask, onDelta)
	}
}

// What another replica accepts stops a reply as well, after a look at the database.
func TestInterruptFromAnotherReplica(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		begun := make(chan struct{})
		w := process(t, db, stuck(begun), &chat{}, options{busy: turn.BusyInterrupt, owner: "me"})
		other := process(t, db, w.model, w.chat, options{busy: turn.BusyInterrupt, owner: "other"})
		w.start()
		first := w.accept(message("chat", "e1", "alice", "one"))[0]
		<-begun
		other.accept(message("chat", "e2", "alice", "two"))
		if s := w.final(first); s.Reply == nil || s.Reply.Text != "re one+two" {
			t.Errorf("%+v", s)
		}
	})
}

// A command keeps its place and stops nothing, and what stands behind it does
// not either; nor does what somebody else says, which wants its own answer.
func TestWhatDoesNotInterrupt(t *testing.T) {
	t.Parallel()
	for name, arrives := range map[string][2]string{
		"a command":             {"alice", "/help"},
		"another person's text": {"bob", "two"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun := make(chan struct{})
			m := &model{}
			m.reply = func(ctx context.Context, ask ai.Ask, onDelta func(string)) (string, error) {
				m.mu.Lock()
				m.reply = repeating
				m.mu.Unlock()
				close(begun)
				select {
				case <-ctx.Done():
					return "", ctx.Err()
				case <-time.After(1200 * time.Millisecond): // longer than a turn goes without a look
					return repeating(ctx, ask, onDelta)
				}
			}
			w := process(t, dbtest.New(t), m, &chat{}, options{busy: turn.BusyInterrupt, owner: "me"})
			w.start()
			first := w.accept(message("chat", "e1", "alice", "one"))[0]
			<-begun
			w.accept(message("chat", "e2", arrives[0], arrives[1]))
			last := w.accept(message("chat", "e3", "alice", "three"))[0]
			if s := w.final(first); s.Reply == nil || s.Reply.Text != "re one" {
				t.Errorf("%+v", s)
			}
			if s := w.final(last); s.Reply == nil || s.Reply.Text != "re three" {
				t.Errorf("%+v", s)
			}
			if shown := w.chat.all(); len(shown) != 3 || shown[0].Text != "re one" || shown[2].Text != "re three" {
				t.Errorf("shown %+v", shown)
			}
		})
	}
}

// A use of a tool that has begun is waited for: it runs to its end, what came of it
// is kept, and only then does the newer message interrupt the turn. What had not begun
// is not done any more.
func TestInterruptWaitsForAStartedCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun, release := make(chan struct{}), make(chan struct{})
		var ran, cut atomic.Int64
		m := &model{whole: func(_ context.Context, ask ai.Ask, _ func(string)) (ai.Response, error) {
			if len(resultsIn(ask)) == 0 {
				return calling("mail", `{"to":"bob"}`, "later", "{}"), nil
			}
			return answering("told: " + strings.Join(resultsIn(ask), "|")), nil
		}}
		w := process(t, dbtest.New(t), m, &chat{}, options{busy: turn.BusyInterrupt, owner: "me"})
		tool := func(name string, run func(ctx context.Context)) ai.Tool {
			return ai.Tool{Name: name, Schema: []byte("{}"), Effect: ai.Once, Run: func(ctx context.Context, _, _ string) (ai.ToolResult, error) {
				run(ctx)
				return ai.ToolResult{Text: name + " done"}, nil
			}}
		}
		mail := tool("mail", func(ctx context.Context) {
			ran.Add(1)
			close(begun)
			<-release
			if ctx.Err() != nil {
				cut.Add(1)
			}
		})
		later := tool("later", func(context.Context) { ran.Add(100) })
		w.change(func(o *turn.Options) {
			o.Tools = turn.Tools{MaxRounds: 4, Timeout: time.Minute, More: func(context.Context) []ai.Tool { return []ai.Tool{later, mail} }}
		})
		w.start()
		first := w.accept(message("chat", "e1", "alice", "one"))[0]
		<-begun
		second := w.accept(message("chat", "e2", "alice", "two"))[0]
		time.Sleep(2 * time.Second) // of this bubble: the turn has looked for what is newer
		if e := w.event(first); e.State != inbox.Running || len(w.chat.all()) != 0 {
			t.Errorf("while the tool runs the event is %s", e.State)
		}
		close(release)
		one, two := w.final(first), w.final(second)
		if ran.Load() != 1 || cut.Load() != 0 {
			t.Errorf("ran %d, cut %d", ran.Load(), cut.Load())
		}
		const told = "told: mail done|not done: a newer message came first."
		if one.Reply == nil || two.Reply == nil || *one.Reply != *two.Reply || one.Reply.Text != told {
			t.Errorf("%+v\n%+v", one, two)
		}
		same(t, "stored", texts(w.history()), []string{"u:one", "u:two", "a:", "t:mail done", "t:not done: a newer message came first.", "a:" + told})
		whole(t, w.history())
	})
}
