package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// A cut is a step of a reply that grows, at which the calls of many chats stand
// still when their process is killed or frozen.
type cut struct {
	name   string
	taken  bool // the platform has done what it was asked, and has not said so
	slack  []string
	feishu []fakefeishu.Route
	brief  bool // the model says little, so that the reply is closed before it is changed
}

func cuts() []cut {
	open := []string{fakeslack.ChatStartStream, fakeslack.ChatPostMessage}
	edit := []string{fakeslack.ChatAppendStream, fakeslack.ChatUpdate}
	return []cut{
		{"before open", false, open, []fakefeishu.Route{fakefeishu.CardCreate}, false},
		{"after open", true, open, []fakefeishu.Route{fakefeishu.Reply}, false},
		{"after handle", false, edit, []fakefeishu.Route{fakefeishu.CardContent}, false},
		{"mid-update", true, edit, []fakefeishu.Route{fakefeishu.CardContent}, false},
		{"before close", false, []string{fakeslack.ChatStopStream, fakeslack.ChatUpdate}, []fakefeishu.Route{fakefeishu.CardSettings}, true},
		{"after close", true, []string{fakeslack.ChatUpdate}, []fakefeishu.Route{fakefeishu.CardUpdate}, true},
	}
}

// Many replies grow on Slack – by streams and by edits – and on Feishu when their
// process is killed at one step of all of them, or frozen until another replica
// has taken over and then woken: each chat has one message in the end, whole, and
// no sign of work. make streams cuts 50 chats of each platform at once.
func TestGrowingRepliesAreCut(t *testing.T) {
	t.Parallel()
	chats, engines := 4, []database.Engine{database.SQLite}
	long := os.Getenv("PARLEY_CUT_CHATS") != ""
	if long {
		_, _ = fmt.Sscan(os.Getenv("PARLEY_CUT_CHATS"), &chats)
		engines = append(engines, servers()...)
	}
	for _, at := range cuts() {
		for _, engine := range engines {
			t.Run(at.name+", "+string(engine), func(t *testing.T) {
				t.Parallel()
				c := newCutWorld(t, engine, chats)
				c.stand(t, at, nil)
				c.first.kill()
				c.spawn(t, "second", cutWorkers)
				c.check(t, at)
			})
		}
		if freezes := len(servers()) > 0; freezes && (long || at.name == "mid-update") {
			t.Run(at.name+", frozen, "+string(servers()[0]), func(t *testing.T) {
				t.Parallel()
				c := newCutWorld(t, servers()[0], chats)
				c.freeze(t, at)
				c.check(t, at)
			})
		}
	}
}

// cutWorkers lets every chat be answered at once.
const cutWorkers = "PARLEY_GATEWAY__WORKERS=200"

// cutWorld is some chats on each platform.
type cutWorld struct {
	*world
	first *process
	chats int
	ctx   context.Context //nolint:containedctx // the test's own
}

func newCutWorld(t *testing.T, engine database.Engine, chats int) *cutWorld {
	t.Helper()
	w := newWorld(t)
	if engine != database.SQLite {
		w.database = dbtest.URL(t, engine)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	return &cutWorld{world: w, chats: chats, ctx: ctx, first: w.spawn(t, "first", cutWorkers)}
}

// stand has every chat asked, and returns once their calls stand still at the
// step. Slack's that were taken are answered when release is closed, if it is not nil.
func (c *cutWorld) stand(t *testing.T, at cut, release <-chan struct{}) {
	t.Helper()
	c.openai.SetReply(func(call fakeopenai.Call) string {
		words := 5
		switch {
		case at.brief, replicaOf(call) != "first":
		case release != nil: // it goes on when it is woken
			words = 600
		default:
			words = 40
		}
		return fmt.Sprintf("%s by %s:%s", call.LastUserText(), replicaOf(call), strings.Repeat(" word", words)+" end")
	})
	c.openai.Always(fakeopenai.Step{Pause: 250 * time.Millisecond})
	waits := c.script(at, release)
	s := newSender(c.first.url)
	for i := range c.chats {
		for _, ask := range []func(int) func(string) *http.Request{c.askSlack, c.askFeishu} {
			if !s.send(c.ctx, ask(i)) {
				t.Fatal("an event was never accepted")
			}
		}
		pause(c.ctx, 100*time.Millisecond) // Feishu lets an app open so many cards in a second
	}
	// On a slow machine a few may have passed the step, or not have come to it.
	ctx, cancel := context.WithTimeout(c.ctx, 8*time.Second)
	defer cancel()
	for ctx.Err() == nil && waits() > 0 {
		pause(ctx, 10*time.Millisecond)
	}
	t.Logf("%s: %d of %d calls stand still", at.name, 2*c.chats-waits(), 2*c.chats)
}

// script lays the faults, and returns a function that tells how many calls have not
// come to theirs.
func (c *cutWorld) script(at cut, release <-chan struct{}) (waits func() int) {
	slack, feishu := fakeslack.Hang(), fakefeishu.Hang()
	switch {
	case at.taken && release != nil:
		slack, feishu = fakeslack.TakeThenHold(release), fakefeishu.TakeThenHang()
	case at.taken:
		slack, feishu = fakeslack.TakeThenHang(), fakefeishu.TakeThenHang()
	}
	of := c.chats // by each method; a chat in a thread has a stream, a direct message edits
	if len(at.slack) > 1 {
		of = c.chats / 2
	}
	for range of {
		for _, method := range at.slack {
			c.slack.Script(method, slack)
		}
	}
	for range c.chats {
		c.feishu.Misbehave(at.feishu[0], feishu)
	}
	return func() int { return c.slack.Unused() + c.feishu.Unused() }
}

// freeze freezes the first process where its calls stand still, and wakes it when
// another one has answered everything.
func (c *cutWorld) freeze(t *testing.T, at cut) {
	t.Helper()
	release := make(chan struct{})
	c.stand(t, at, release)
	signal := func(s syscall.Signal) {
		if err := c.first.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	frozen := time.Now()
	c.spawn(t, "second", cutWorkers)
	for c.ctx.Err() == nil && len(c.faults()) > 0 {
		pause(c.ctx, 50*time.Millisecond)
	}
	t.Logf("%s: taken over %.1f s after the freeze", at.name, time.Since(frozen).Seconds())
	close(release)
	signal(syscall.SIGCONT)
	pause(c.ctx, 5*time.Second) // for what it does late
}

func (c *cutWorld) askSlack(i int) func(string) *http.Request {
	// A workspace each: Slack bounds how many streams one may begin in a minute.
	e := fakeslack.Event{
		EventID: fmt.Sprint("Ev", i), TeamID: fmt.Sprint("T", i), User: fmt.Sprint("U", i), TS: fmt.Sprintf("1700000%03d.000100", i),
		Channel: slackChat(i), Text: fmt.Sprintf("question s%d", i),
	}
	body := func() []byte {
		if i%2 == 0 {
			e.Text = fakeslack.Mention("") + " " + e.Text
			return fakeslack.MentionEvent(e)
		}
		e.ChannelType = "im"
		return fakeslack.MessageEvent(e)
	}()
	return func(url string) *http.Request {
		req, _ := fakeslack.SignedRequest(c.ctx, url+"/webhooks/slack", slackSecret, time.Now(), body)
		return req
	}
}

func slackChat(i int) string { return fmt.Sprint([]string{"C", "D"}[i%2], i) }

func (c *cutWorld) askFeishu(i int) func(string) *http.Request {
	c.feishu.Know(fmt.Sprint("om_", i), fmt.Sprint("oc_", i))
	return func(url string) *http.Request {
		header, body := fakefeishu.SignedRequest(feishuKey, time.Now(), fakefeishu.MessageEvent(fakefeishu.Message{
			AppID: feishuApp, EventID: fmt.Sprint("ev-", i), Token: feishuToken, MessageID: fmt.Sprint("om_", i),
			ChatID: fmt.Sprint("oc_", i), Sender: fmt.Sprint("ou_", i), Text: fmt.Sprintf("question f%d", i),
		}))
		req, _ := http.NewRequestWithContext(c.ctx, http.MethodPost, url+"/webhooks/feishu", strings.NewReader(string(body)))
		req.Header = header
		return req
	}
}

// check waits until every chat has its one reply, and looks whether it stays so.
func (c *cutWorld) check(t *testing.T, at cut) {
	t.Helper()
	begun := time.Now()
	for c.ctx.Err() == nil && len(c.faults()) > 0 {
		pause(c.ctx, 50*time.Millisecond)
	}
	took := time.Since(begun)
	pause(t.Context(), 2*time.Second) // what comes twice may come late
	if faults := c.faults(); len(faults) > 0 {
		t.Errorf("%s: %d of %d chats are wrong, such as %s", at.name, len(faults), 2*c.chats, strings.Join(faults[:min(3, len(faults))], "; "))
	}
	t.Logf("%s: %d chats, each with one whole message and no sign of work %.1f s later", at.name, 2*c.chats, took.Seconds())
}

// faults says what is wrong with the chats.
func (c *cutWorld) faults() (list []string) {
	slack, feishu := map[string][]fakeslack.Message{}, map[string][]fakefeishu.Sent{}
	for _, m := range c.slack.Messages() {
		slack[m.Channel] = append(slack[m.Channel], m)
	}
	for _, m := range c.feishu.Messages() {
		feishu[m.ReplyTo] = append(feishu[m.ReplyTo], m)
	}
	for i := range c.chats {
		if m := slack[slackChat(i)]; len(m) != 1 || !isWhole(m[0].Text, fmt.Sprint("question s", i)) ||
			m[0].StreamingState == fakeslack.Streaming || m[0].Metadata == nil {
			list = append(list, fmt.Sprintf("%s shows %+v", slackChat(i), m))
		}
		if m := feishu[fmt.Sprint("om_", i)]; len(m) != 1 || !isWhole(m[0].Text, fmt.Sprint("question f", i)) || c.isGrowing(m[0]) {
			list = append(list, fmt.Sprintf("om_%d shows %+v", i, m))
		}
		if signs := c.feishu.Signs(fmt.Sprint("om_", i)); len(signs) > 0 {
			list = append(list, fmt.Sprintf("om_%d has the signs %q", i, signs))
		}
	}
	if n := c.slack.Signs(); n > 0 {
		list = append(list, fmt.Sprintf("%d signs on Slack", n))
	}
	return list
}

// isWhole reports whether a text is one of the replies that the model has made to a
// question, from its beginning to its end.
func isWhole(text, question string) bool {
	text = strings.TrimSpace(text)
	return strings.HasPrefix(text, question+" by ") && strings.Count(text, question) == 1 && strings.HasSuffix(text, " word end")
}

func (c *cutWorld) isGrowing(m fakefeishu.Sent) bool {
	card, ok := c.feishu.Card(m.Card)
	return ok && (card.Growing || card.Summary == "")
}
