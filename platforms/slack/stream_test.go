package slack_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/slack"
)

// clock is a time that only tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// growing is a Slack, an adapter that knows who it is, and their clock.
func growing(t *testing.T, mode slack.Mode) (*slack.Adapter, *fakeslack.Server, *clock) {
	t.Helper()
	c := &clock{at: time.Unix(1_700_000_100, 0)}
	server := fakeslack.New(t, fakeslack.Options{Now: c.now})
	return another(t, server, c, mode), server, c
}

// another is an adapter of another process.
func another(t *testing.T, server *fakeslack.Server, c *clock, mode slack.Mode) *slack.Adapter {
	t.Helper()
	a := newAdapter(t, slack.Options{APIURL: server.APIURL(), Now: c.now, Stream: mode})
	if _, _, err := a.AuthTest(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

var (
	alone = platforms.Address{
		Tenant: "T1", ChatID: "C1", ThreadID: ts, MessageID: ts, UserID: "U1", Extra: map[string]string{"stream": "native"},
	}
	among = platforms.Address{Tenant: "T1", ChatID: "C1", ThreadID: ts, MessageID: ts, UserID: "U1"}
)

func partOf(text string) platforms.Part {
	return platforms.Part{Key: "k1", Text: text, Opened: true, Verbs: []platforms.Verb{platforms.VerbRegenerate, platforms.VerbUp, platforms.VerbDown}}
}

// whole checks that one message shows the text, rendered, with its key.
func whole(t *testing.T, server *fakeslack.Server, handle, want string) {
	t.Helper()
	messages := server.Messages()
	if len(messages) != 1 {
		t.Fatalf("%d messages: %+v", len(messages), messages)
	}
	m := messages[0]
	if m.TS != handle || m.Text != want || m.BlockText() != strings.ReplaceAll(want, "**", "")+"🔄" {
		t.Errorf("shown: %q, blocks %q", m.Text, m.BlockText())
	}
	if m.StreamingState == fakeslack.Streaming || m.Edited || m.Metadata == nil || m.Metadata.EventPayload["delivery"] != "k1" {
		t.Errorf("left as %+v", m)
	}
}

func grow(t *testing.T, a *slack.Adapter, to platforms.Address, handle string, texts ...string) {
	t.Helper()
	for i, text := range texts {
		if err := a.Edit(t.Context(), to, handle, text, int64(i+1)); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	}
}

func open(t *testing.T, a *slack.Adapter, to platforms.Address, text string) string {
	t.Helper()
	handle, err := a.Open(t.Context(), to, partOf(text))
	if err != nil {
		t.Fatal(err)
	}
	return handle
}

func closeWith(t *testing.T, a *slack.Adapter, to platforms.Address, handle, text string) {
	t.Helper()
	if err := a.Close(t.Context(), to, handle, partOf(text), 99); err != nil {
		t.Fatal(err)
	}
}

func TestNativeStream(t *testing.T) {
	t.Parallel()
	a, server, _ := growing(t, slack.StreamAuto)
	handle := open(t, a, alone, "**Hel")
	grow(t, a, alone, handle, "**Hello** wor", "**Hello** wor", "**Hello** world")
	if m := server.Messages()[0]; m.Text != "**Hello** world" || m.StreamingState != fakeslack.Streaming || server.Calls(fakeslack.ChatAppendStream) != 2 {
		t.Errorf("%+v after %d appends", m, server.Calls(fakeslack.ChatAppendStream))
	}
	closeWith(t, a, alone, handle, "**Hello** world!")
	whole(t, server, handle, "Hello world!")
}

func TestEditedStream(t *testing.T) {
	t.Parallel()
	a, server, _ := growing(t, slack.StreamAuto)
	handle := open(t, a, among, "Hel")
	if m := server.Messages()[0]; m.Metadata == nil || !strings.Contains(string(m.Blocks), "parley_stop") {
		t.Errorf("without key or stop button: %+v", m)
	}
	grow(t, a, among, handle, "Hello")
	closeWith(t, a, among, handle, "Hello world")
	whole(t, server, handle, "Hello world")
	if n := server.Calls(fakeslack.ChatStartStream); n != 0 {
		t.Errorf("%d streams that others would see frozen", n)
	}
}

// Slack ends a stream some 300 s after its start.
func TestLongStreamGoesOnByEdits(t *testing.T) {
	t.Parallel()
	a, server, c := growing(t, slack.StreamAuto)
	handle := open(t, a, alone, "0")
	text := "0"
	for range 36 { // 12 minutes
		c.pass(20 * time.Second)
		text += " more"
		paced, before := a.Limits(alone, platforms.CallEdit), callsOf(server)
		grow(t, a, alone, handle, text)
		if made := callsOf(server); !slices.Equal(made.since(before), methodsOf(paced)) {
			t.Errorf("paced as %v, called %v", methodsOf(paced), made.since(before))
		}
	}
	if n := server.Calls(fakeslack.ChatAppendStream); n != 11 {
		t.Errorf("%d appends", n)
	}
	closeWith(t, a, alone, handle, text+" end")
	whole(t, server, handle, text+" end")
}

// calls are how often each method was called by which a message grows.
type calls map[string]int

func callsOf(server *fakeslack.Server) calls {
	all := calls{}
	for _, method := range []string{fakeslack.ChatAppendStream, fakeslack.ChatStopStream, fakeslack.ChatUpdate} {
		all[method] = server.Calls(method)
	}
	return all
}

func (c calls) since(before calls) (methods []string) {
	for _, method := range slices.Sorted(maps.Keys(c)) {
		if c[method] > before[method] {
			methods = append(methods, method)
		}
	}
	return methods
}

// methodsOf returns the methods that limits are of.
func methodsOf(limits []platforms.Limit) (methods []string) {
	for _, l := range limits {
		methods = append(methods, l.Scope[strings.LastIndex(l.Scope, " ")+1:])
	}
	return methods
}

func TestStreamThatHasExpired(t *testing.T) {
	t.Parallel()
	for _, edited := range []bool{true, false} {
		a, server, c := growing(t, slack.StreamAuto)
		handle := open(t, a, alone, "one")
		c.pass(6 * time.Minute)
		if edited {
			grow(t, a, alone, handle, "one two")
		}
		closeWith(t, a, alone, handle, "one two three")
		whole(t, server, handle, "one two three")
	}
}

// Another text of the model, or an append that may have been taken, ends in
// the same message.
func TestStreamThatCannotGrow(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fakeslack.Fault{
		"another text": {}, "lost": fakeslack.TakeThenCut(), "stopped": fakeslack.Refuse("stopped_by_user"),
		"of another form": fakeslack.Refuse("streaming_mode_mismatch"),
		"ended":           fakeslack.Refuse("message_not_in_streaming_state"), "in doubt": fakeslack.TakeThenRefuse("internal_error"),
	} {
		a, server, _ := growing(t, slack.StreamAuto)
		handle := open(t, a, alone, "one")
		next := "one two"
		if name == "another text" {
			next = "another"
		} else {
			server.Script(fakeslack.ChatAppendStream, fault)
		}
		grow(t, a, alone, handle, next, next+" three")
		if m := server.Messages()[0]; m.BlockText() != next+" three⏹" {
			t.Errorf("%s: %q", name, m.BlockText())
		}
		closeWith(t, a, alone, handle, next+" three")
		whole(t, server, handle, next+" three")
	}
}

// Whoever takes over has the handle only.
func TestStreamIsTakenOver(t *testing.T) {
	t.Parallel()
	for _, to := range []platforms.Address{alone, among} {
		for _, edited := range []bool{false, true} {
			a, server, c := growing(t, slack.StreamAuto)
			handle := open(t, a, to, "one")
			grow(t, a, to, handle, "one two")
			b := another(t, server, c, slack.StreamAuto)
			if edited {
				err := b.Edit(t.Context(), to, handle, "other", 10_001)
				if err != nil && failure.CodeOf(err) != "streaming_state_conflict" {
					t.Fatal(err)
				}
			}
			closeWith(t, b, to, handle, "other words")
			whole(t, server, handle, "other words")
			_ = a.Edit(t.Context(), to, handle, "one two three", 3) // the first one wakes up
			if len(server.Messages()) != 1 {
				t.Error("a second message")
			}
		}
	}
}

// A stream carries no key until it ends; so one that was begun is known by its
// state, and where two could be meant, none is taken.
func TestOpenWithoutAnswerIsFound(t *testing.T) {
	t.Parallel()
	a, server, c := growing(t, slack.StreamAuto)
	since := c.now()
	server.Script(fakeslack.ChatStartStream, fakeslack.TakeThenCut())
	if _, err := a.Open(t.Context(), alone, partOf("one")); failure.KindOf(err) != failure.Ambiguous {
		t.Fatalf("%v", err)
	}
	b := another(t, server, c, slack.StreamAuto)
	find := func(p platforms.Part) (platforms.Finding, string) {
		f, id, err := b.Find(t.Context(), alone, p, since)
		if err != nil {
			t.Fatal(err)
		}
		return f, id
	}
	if f, _ := find(platforms.Part{Key: "k1", Text: "one"}); f != platforms.Missing {
		t.Errorf("a part that was sent: finding %d", f)
	}
	f, id := find(partOf("one"))
	if f != platforms.Shown || id != server.Messages()[0].TS {
		t.Fatalf("finding %d, %q", f, id)
	}
	second := open(t, a, alone, "two") // of another delivery
	if f, _ = find(partOf("one")); f != platforms.Unknowable {
		t.Errorf("two that could be meant: finding %d", f)
	}
	known := partOf("one")
	known.Rivals = rivals{second, nil}
	if f, one := find(known); f != platforms.Shown || one != id {
		t.Errorf("two, of which one is another's: finding %d, %q", f, one)
	}
	known.Rivals = rivals{second, failure.New(failure.Permanent, "ambiguous", "", nil)}
	if f, _ := find(known); f != platforms.Unknowable {
		t.Errorf("one that another reply may mean: finding %d", f)
	}
	f, id, err := a.Find(t.Context(), alone, partOf("one"), since) // who holds the second one knows it
	if f != platforms.Shown || id == second || err != nil {
		t.Errorf("finding %d, %q, %v", f, id, err)
	}
	closeWith(t, b, alone, id, "one more")
	if m := server.Messages()[0]; m.Text != "one more" || m.StreamingState != fakeslack.Completed {
		t.Errorf("%+v", m)
	}
}

// A workspace without streams is asked once.
func TestWorkspaceWithoutStreams(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"unknown_method", "feature_not_enabled", "method_deprecated"} {
		a, server, _ := growing(t, slack.StreamAuto)
		server.Script(fakeslack.ChatStartStream, fakeslack.Refuse(code))
		for range 2 {
			handle := open(t, a, alone, "one")
			closeWith(t, a, alone, handle, "one two")
		}
		elsewhere := alone
		elsewhere.Tenant = "T2"
		open(t, a, elsewhere, "one")
		if n := server.Calls(fakeslack.ChatStartStream); n != 2 || len(server.Messages()) != 3 {
			t.Errorf("%s: asked %d times, %d messages", code, n, len(server.Messages()))
		}
	}
}

func TestWhereRepliesGrow(t *testing.T) {
	t.Parallel()
	private := platforms.Address{ChatID: "C1", UserID: "U1", Private: true}
	url := platforms.Address{ChatID: "D1", UserID: "U1", Private: true, Extra: map[string]string{"response_url": "https://hooks.slack.com/1"}}
	for _, c := range []struct {
		mode                      slack.Mode
		alone, among, person, url bool
	}{
		{slack.StreamAuto, true, true, false, false},
		{"", true, true, false, false},
		{slack.StreamEdit, true, true, false, false},
		{slack.StreamNative, true, false, false, false},
		{slack.StreamOff, false, false, false, false},
	} {
		a := newAdapter(t, slack.Options{Stream: c.mode})
		if a.Streams(alone) != c.alone || a.Streams(among) != c.among || a.Streams(private) || a.Streams(url) {
			t.Errorf("%q: %v %v %v %v", c.mode, a.Streams(alone), a.Streams(among), a.Streams(private), a.Streams(url))
		}
	}
	a, server, _ := growing(t, slack.StreamEdit)
	open(t, a, alone, "one")
	if server.Calls(fakeslack.ChatStartStream) != 0 {
		t.Error("a native stream where edits are wanted")
	}
}

// A native stream is for a thread between the bot and one member of its own
// workspace.
func TestKindOfStream(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		body []byte
		want string
	}{
		{"opens the thread", fakeslack.MentionEvent(fakeslack.Event{Text: bot}), "native"},
		{"in their own thread", fakeslack.MentionEvent(fakeslack.Event{Text: bot, ThreadTS: "1600000000.000100", More: map[string]any{"parent_user_id": "U00000001"}}), "native"},
		{"in another's thread", fakeslack.MentionEvent(fakeslack.Event{Text: bot, ThreadTS: "1600000000.000100", More: map[string]any{"parent_user_id": "U2"}}), ""},
		{"of another workspace", fakeslack.MentionEvent(fakeslack.Event{Text: bot, More: map[string]any{"user_team": "T2"}}), ""},
		{"direct", fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", Text: "hi"}), ""},
		{"direct, in a thread", fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", Text: "hi", ThreadTS: "1600000000.000100"}), "native"},
	} {
		if e := receiveOne(t, c.body); e.ReplyTo.Extra["stream"] != c.want {
			t.Errorf("%s: %v", c.name, e.ReplyTo.Extra)
		}
	}
}

// What can no longer be changed goes, before it is sent anew.
func TestCloseThatIsRefused(t *testing.T) {
	t.Parallel()
	a, server, _ := growing(t, slack.StreamEdit)
	handle := open(t, a, among, "one")
	server.Script(fakeslack.ChatUpdate, fakeslack.Refuse("edit_window_closed"))
	if err := a.Close(t.Context(), among, handle, partOf("one two"), 2); failure.KindOf(err) != failure.Permanent || len(server.Messages()) != 0 {
		t.Errorf("%v, %+v", err, server.Messages())
	}
	if err := a.Close(t.Context(), among, handle, partOf("one two"), 3); failure.CodeOf(err) != "message_not_found" {
		t.Errorf("gone: %v", err)
	}
}

// A long reply is changed in whole, though the text beside its blocks is cut.
func TestLongReplyIsChanged(t *testing.T) {
	t.Parallel()
	a, server, _ := growing(t, slack.StreamEdit)
	text := strings.Repeat("<&> 中文 ", 1000)
	handle := open(t, a, among, "one")
	closeWith(t, a, among, handle, text)
	if m := server.Messages()[0]; !strings.HasPrefix(m.BlockText(), strings.TrimSpace(text)) || len(m.Text) == 0 {
		t.Errorf("%d characters", len(m.BlockText()))
	}
}

// Case 20: the question is taken back, and so nothing is left to answer to.
func TestCase20NothingStaysOutsideItsThread(t *testing.T) {
	t.Parallel()
	a, server, c := growing(t, slack.StreamEdit)
	to := among
	to.MessageID = server.Say("C1", "", "U1", "question")
	to.ThreadID = to.MessageID
	server.Delete("C1", to.ThreadID)
	if _, err := a.Send(t.Context(), to, partOf("answer")); failure.CodeOf(err) != "thread_not_found" || failure.KindOf(err) != failure.Permanent {
		t.Errorf("sent: %v", err)
	}
	if _, err := a.Open(t.Context(), to, partOf("answer")); failure.CodeOf(err) != "thread_not_found" {
		t.Errorf("opened: %v", err)
	}
	since := c.now()
	server.Script(fakeslack.ChatPostMessage, fakeslack.TakeThenCut())
	if _, err := a.Send(t.Context(), to, partOf("answer")); failure.KindOf(err) != failure.Ambiguous {
		t.Errorf("lost: %v", err)
	}
	if f, _, err := a.Find(t.Context(), to, partOf("answer"), since); f != platforms.Missing || err != nil {
		t.Errorf("finding %d, %v", f, err)
	}
	if shown := server.Messages(); len(shown) != 0 {
		t.Errorf("everybody sees %+v", shown)
	}
}

func TestPresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		action map[string]any
		want   platforms.Verb
	}{
		{map[string]any{"action_id": "parley_stop", "value": "stop"}, platforms.VerbStop},
		{map[string]any{"action_id": "parley_regenerate"}, platforms.VerbRegenerate},
		{map[string]any{"action_id": "parley_approve", "value": "approve"}, platforms.VerbApprove},
		{map[string]any{"action_id": "parley_deny"}, platforms.VerbDeny},
		{map[string]any{"action_id": "parley_feedback", "type": "feedback_buttons", "value": "up"}, platforms.VerbUp},
		{map[string]any{"action_id": "parley_feedback", "value": "down"}, platforms.VerbDown},
		{map[string]any{"action_id": "parley_of_tomorrow"}, "of_tomorrow"},
	} {
		e := receiveOne(t, action(map[string]any{"actions": []any{c.action}}))
		if e.Press == nil || e.Press.Verb != c.want || e.Press.MessageID != ts || e.Ignore != "" || e.Kind != platforms.KindAction {
			t.Errorf("%v: %+v %q", c.action, e.Press, e.Ignore)
		}
	}
	if e := receiveOne(t, action(nil)); e.Press != nil {
		t.Errorf("another button: %+v", e.Press)
	}
}

// Who is refused alone sees that, wherever the button is.
func TestPrivateAnswerToAPress(t *testing.T) {
	t.Parallel()
	a, server := pair(t)
	in, err := a.Receive(t.Context(), signed(action(map[string]any{
		"response_url": server.NewResponseURL(), "actions": []any{map[string]any{"action_id": "parley_stop"}},
	})))
	if err != nil {
		t.Fatal(err)
	}
	to := in.Events[0].ReplyTo
	to.Private = true
	if _, err := a.Send(t.Context(), to, part); err != nil || len(server.Messages()) != 1 || !server.Messages()[0].Ephemeral {
		t.Errorf("%+v %v", server.Messages(), err)
	}
}

// Whatever is called as fast as its limits allow stays within Slack's tiers.
func TestLimitsStayWithinTheTiers(t *testing.T) {
	t.Parallel()
	a, _, _ := growing(t, slack.StreamAuto)
	open(t, a, alone, "a stream of Slack's own")
	tiers := map[string]int{"chat.startStream": 20, "chat.stopStream": 20, "chat.appendStream": 100, "chat.update": 50}
	for _, to := range []platforms.Address{alone, among} {
		for _, call := range []platforms.Call{platforms.CallOpen, platforms.CallEdit, platforms.CallClose} {
			for _, l := range a.Limits(to, call) {
				workspace, method, ok := strings.Cut(l.Scope, " ")
				if !ok { // a message in a channel
					continue
				}
				if n := l.Burst + int(time.Minute/l.Every); workspace != "workspace:T1" || n > tiers[method] {
					t.Errorf("%s: %d calls a minute", l.Scope, n)
				}
			}
		}
	}
}

// rivals hold one message; there may be another one of theirs.
type rivals struct {
	holds string
	doubt error
}

func (r rivals) Hold(_ context.Context, message string) (bool, error) { return message == r.holds, nil }

func (r rivals) Absent(context.Context) error { return r.doubt }
