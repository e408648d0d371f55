package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/app"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
	"github.com/parley-bot/parley/internal/fakes/fakesocket"
)

// listening configures both platforms without a public address.
func listening(c *config.Config) {
	c.Platforms.Slack.SigningSecret, c.Platforms.Slack.AppToken = "", fakeslack.DefaultAppToken
	c.Platforms.Feishu.EncryptKey, c.Platforms.Feishu.VerificationToken = "", ""
}

// connection is what /readyz tells of one.
type connection struct {
	Platform, App, Mode, State, Error string
	Open                              int
}

func (s *server) connections() map[string]connection {
	s.t.Helper()
	var body struct{ Connections []connection }
	a := s.request(http.MethodGet, "/readyz", "", "Authorization", "Bearer "+adminToken)
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || a.status != http.StatusOK {
		s.t.Fatalf("status %d: %v", a.status, err)
	}
	all := map[string]connection{}
	for _, c := range body.Connections {
		all[c.Platform] = c
	}
	return all
}

// Without a public address both platforms are answered as over webhooks, and
// operators see how they are connected.
func TestListeners(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.start(t, listening, func(c *config.Config) {
		further := config.NamedSlackApp{Name: "revoked"}
		further.Mode, further.BotToken, further.AppToken, further.APIURL = "auto", slackToken, "xapp-revoked", c.Platforms.Slack.APIURL
		c.Platforms.Slack.Apps = append(c.Platforms.Slack.Apps, further)
	})
	ctx := patience(t)
	if err := w.slack.Sockets.WaitOpened(ctx, 2); err != nil {
		t.Fatal(err)
	}
	if err := w.feishu.Sockets.WaitOpened(ctx, 1); err != nil {
		t.Fatal(err)
	}
	w.slack.Sockets.Push("a", fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", Text: "over a socket"}))
	w.feishu.Sockets.Push("b", fakefeishu.MessageEvent(fakefeishu.Message{AppID: feishuApp, Text: "over a connection"}))
	if m, err := w.slack.WaitMessages(ctx, 1); err != nil || !strings.Contains(m[0].Text, "over a socket") {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err := w.feishu.WaitMessages(ctx, 1); err != nil || !strings.Contains(m[0].Text, "over a connection") {
		t.Errorf("%+v, %v", m, err)
	}
	got := s.connections()
	for got["slack.revoked"].State != "failed" && ctx.Err() == nil {
		got = s.connections()
	}
	if c := got["slack"]; c != (connection{"slack", "", "socket", "connected", "", 2}) {
		t.Errorf("slack: %+v", c)
	}
	if c := got["feishu"]; c != (connection{"feishu", "", "websocket", "connected", "", 1}) {
		t.Errorf("feishu: %+v", c)
	}
	if c := got["slack.revoked"]; c.State != "failed" || c.App != "revoked" || c.Open != 0 || !strings.Contains(c.Error, "invalid_auth") {
		t.Errorf("slack.revoked: %+v", c)
	}
	text := s.request(http.MethodGet, "/metrics", "", "Authorization", "Bearer "+adminToken).body
	for _, want := range []string{
		`parley_connections_open{platform="slack"} 2`, `parley_connections_failed{platform="slack.revoked"} 1`,
		`parley_webhooks_total{outcome="accepted",platform="feishu"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing %s", want)
		}
	}
}

// A model that does not answer holds up no acknowledgement, however many wait for it.
func TestSlowModelHoldsUpNoAck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := w.openai.Hold()
	defer release()
	s := w.start(t, listening, func(c *config.Config) { c.Gateway.Workers = 4 })
	const each = 40
	for i := range each {
		w.sayOverSockets(2 * i) // one in each chat
	}
	ctx := patience(t)
	for what, err := range map[string]error{
		"slack": w.slack.Sockets.WaitAcknowledged(ctx, each), "feishu": w.feishu.Sockets.WaitAcknowledged(ctx, each),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if said := w.shown(); said != "" {
		t.Errorf("answered before the model: %q", said)
	}
	release()
	s.settled(t)
	for i := range each {
		if n := strings.Count(w.shown(), fmt.Sprintf("reply to: chat %d question %d.\n", i, 2*i)); n != 2 {
			t.Errorf("question %d has %d answers on two platforms", 2*i, n)
		}
	}
}

// A process that died may have stored the later of two messages alone. The next
// one answers nothing before it has what waits at its connections.
func TestStartWaitsForWhatWasSaidBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	queue := func(c *config.Config) { c.Gateway.Busy = "queue" }
	begun := time.Now()
	say := func(text string, after time.Duration) {
		at := begun.Add(after)
		w.slack.Sockets.Push(text, fakeslack.MessageEvent(fakeslack.Event{
			EventID: text, ChannelType: "im", Text: text, TS: fmt.Sprintf("%d.%06d", at.Unix(), at.Nanosecond()/1000),
		}))
	}
	ctx := patience(t)
	dead := w.startWith(t, app.Options{Paused: true}, listening, queue)
	say("second", time.Second)
	if err := w.slack.Sockets.WaitAcknowledged(ctx, 1); err != nil {
		t.Fatal(err)
	}
	dead.stop()
	say("first", 0)
	w.start(t, listening, queue)
	m, err := w.slack.WaitMessages(ctx, 2)
	if err != nil || m[0].Text != "reply to: first" || m[1].Text != "reply to: second" {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestCrashOverSockets kills the gateway at random moments, and ends connections
// in every way in between, under load over both listeners. Every message must be
// answered once in the end, and those of each chat in the order they were said.
// What had to be delivered again is counted apart: it may come when what was said
// after it is answered.
func TestCrashOverSockets(t *testing.T) {
	t.Parallel()
	c := socketCrash{each: 120, kills: 4, disconnects: 6}
	if os.Getenv("PARLEY_CRASH_KILLS") != "" {
		c = socketCrash{each: 1000, kills: 20, disconnects: 30}
	}
	if n, err := strconv.Atoi(os.Getenv("PARLEY_SOCKET_MESSAGES")); err == nil {
		c = socketCrash{each: max(n, 1000), kills: 20, disconnects: 50}
	}
	c.run(t)
}

// socketCrash is how much happens to each listener.
type socketCrash struct {
	each               int // messages
	kills, disconnects int
}

const (
	// crashChats are the chats on each platform. A channel of Slack takes a message a second.
	crashChats = 40
	// crashAhead is how many messages wait for their answers at most.
	crashAhead = 500
)

func (c socketCrash) run(t *testing.T) {
	t.Helper()
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), max(5*time.Minute, time.Duration(c.each)*150*time.Millisecond))
	defer cancel()
	environ := []string{
		"SLACK_APP_TOKEN=" + fakeslack.DefaultAppToken, "PARLEY_PLATFORMS__FEISHU__MODE=websocket", "PARLEY_GATEWAY__MAX_ATTEMPTS=20",
		"PARLEY_GATEWAY__BUSY=queue",
	}
	p := w.spawn(t, "only", environ...)
	defer func() { p.kill() }()
	begun, ends := time.Now(), w.endings()
	for i := range c.each {
		w.sayOverSockets(i)
		if turns(i, c.disconnects, c.each) {
			w.feishu.Sockets.Cut()
			ends[rand.IntN(len(ends))]()
		}
		if turns(i, c.kills, c.each) {
			w.someWork(ctx, rand.IntN(12))
			p.kill()
			p = w.spawn(t, "only", environ...)
		}
		for w.behind(i+1) > crashAhead && ctx.Err() == nil {
			pause(ctx, 100*time.Millisecond)
		}
		if i%2 == 1 { // neighbours come together
			pause(ctx, rand.N(20*time.Millisecond))
		}
	}
	w.auditSockets(ctx, t, c, p.url, begun)
}

// turns is true so many times in a number of rounds.
func turns(round, times, rounds int) bool { return (round+1)*times/rounds > round*times/rounds }

// endings are the ways in which Slack's connections end.
func (w *world) endings() []func() {
	return []func(){
		func() { w.slack.Sockets.Disconnect(fakeslack.Warning) }, func() { w.slack.Sockets.Disconnect(fakeslack.RefreshRequested) },
		w.slack.Sockets.Cut,
	}
}

// sayOverSockets says the i-th message on both platforms. Each second one
// follows its neighbour in the same chat at once.
func (w *world) sayOverSockets(i int) {
	chat, at := i/2%crashChats, time.Now()
	text := questionOf(i)
	w.slack.Sockets.Push(text, fakeslack.MessageEvent(fakeslack.Event{
		EventID: fmt.Sprint("Ev", i), Channel: fmt.Sprint("D", chat), ChannelType: "im", User: fmt.Sprint("U", chat), Text: text,
		TS: fmt.Sprintf("%d.%06d", at.Unix(), at.Nanosecond()/1000),
	}))
	w.feishu.Sockets.Split(1 + i%3)
	w.feishu.Sockets.Push(text, fakefeishu.MessageEvent(fakefeishu.Message{
		EventID: fmt.Sprint("ev-", i), MessageID: fmt.Sprint("om_", i), ChatID: fmt.Sprint("oc_", chat), Sender: fmt.Sprint("ou_", chat), Text: text,
		AppID: feishuApp, Token: feishuToken, At: at,
	}))
}

func questionOf(i int) string { return fmt.Sprintf("chat %d question %d.", i/2%crashChats, i) }

// behind is how many of so many messages wait for their answers on the platform
// that is further behind.
func (w *world) behind(said int) int {
	return said - min(len(w.slack.Messages()), len(w.feishu.Messages()))
}

// deliveries are what a fake tells of its own.
type deliveries interface {
	WaitAcknowledged(ctx context.Context, n int) error
	Again() int
	Tries(id string) []fakesocket.Try
}

// auditSockets waits for the answers, and says what people see on each platform.
func (w *world) auditSockets(ctx context.Context, t *testing.T, c socketCrash, url string, begun time.Time) {
	t.Helper()
	for missing, since := c.each+1, time.Now(); missing > 0 && time.Since(since) < patienceWithout && ctx.Err() == nil; pause(ctx, 100*time.Millisecond) {
		if now := w.behind(c.each); now < missing {
			missing, since = now, time.Now()
		}
	}
	pause(ctx, lateness) // what comes twice may come late
	shown := map[string][]string{}
	for _, m := range w.slack.Messages() {
		shown["slack"] = append(shown["slack"], m.Text)
	}
	for _, m := range w.feishu.Messages() {
		shown["feishu"] = append(shown["feishu"], m.Text)
	}
	sockets := map[string]deliveries{"slack": w.slack.Sockets, "feishu": w.feishu.Sockets}
	for platform, hub := range sockets {
		lost, doubled, swapped := compareSaid(shown[platform], c.each)
		late := len(swapped)
		swapped = slices.DeleteFunc(swapped, func(i int) bool { return len(hub.Tries(questionOf(i))) > 1 })
		t.Logf("%s: %d messages in %d chats, %d kills, %d disconnects, %.0f s: lost %d, doubled %d, out of order %d, and %d more that had to be delivered again; %d deliveries came again",
			platform, c.each, crashChats, c.kills, c.disconnects, time.Since(begun).Seconds(), len(lost), len(doubled), len(swapped), late-len(swapped), hub.Again())
		if len(lost)+len(doubled)+len(swapped) > 0 {
			t.Errorf("%s: lost %v, doubled %v, out of order %v", platform, lost, doubled, swapped)
		}
		for _, i := range swapped[:min(len(swapped), 10)] {
			for _, i := range []int{i - 1, i, i + 1} {
				t.Logf("%s %d was delivered at%s; the ledger says: %s", platform, i, triesOf(hub, i), ledgerOn(t, url, platform, i))
			}
		}
		if err := hub.WaitAcknowledged(ctx, c.each); err != nil {
			t.Errorf("%s: %v", platform, err)
		}
	}
}

// compareSaid returns which messages have no answer, which have several, and
// whose answer stands behind that to a later one of the same chat.
func compareSaid(shown []string, said int) (lost, doubled, swapped []int) {
	answers, last := make([]int, said), map[int]int{}
	for _, text := range shown {
		var chat, i int
		if n, err := fmt.Sscanf(text, "reply to: chat %d question %d.", &chat, &i); n != 2 || err != nil || i >= said {
			continue
		}
		answers[i]++
		if i < last[chat] {
			swapped = append(swapped, i)
		}
		last[chat] = max(last[chat], i)
	}
	for i, n := range answers {
		switch {
		case n == 0:
			lost = append(lost, i)
		case n > 1:
			doubled = append(doubled, i)
		}
	}
	return lost, doubled, swapped
}

// triesOf says when a message was delivered, and over which connection.
func triesOf(hub deliveries, i int) (text string) {
	for _, try := range hub.Tries(questionOf(i)) {
		text += fmt.Sprintf(" %s over %d", try.At.Format("05.000"), try.Conn)
	}
	return text
}

// ledgerOn returns what is known of a message.
func ledgerOn(t *testing.T, url, platform string, i int) string {
	t.Helper()
	s := &server{t: t, url: url}
	return s.admin(http.MethodGet, "events/"+fmt.Sprint(map[string]string{"slack": "Ev", "feishu": "ev-"}[platform], i)).body
}
