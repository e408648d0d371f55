package feishu_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/feishu"
)

// grow opens a reply and returns its handle and the card's id.
func grow(t *testing.T, a *feishu.Adapter, p platforms.Part) (handle, card string) {
	t.Helper()
	handle, err := a.Open(t.Context(), toReply, p)
	if err != nil {
		t.Fatal(err)
	}
	_, card, _ = strings.Cut(handle, " ")
	if len(handle) > 255 {
		t.Errorf("a handle of %d bytes", len(handle))
	}
	return handle, card
}

func TestStreamGrowsInOneMessage(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	handle, card := grow(t, a, part("key", "First"))
	shown := fake.Messages()
	if len(shown) != 1 || shown[0].UUID != "key" || shown[0].ReplyTo != "om_asked" || shown[0].Text != "First" || platforms.MessageOf(handle) != shown[0].ID {
		t.Fatalf("opened as %q: %+v", handle, shown)
	}
	if c, _ := fake.Card(card); !c.Growing || !strings.Contains(c.Body, `"parley":"stop"`) {
		t.Errorf("the card is %+v", c)
	}
	for seq, text := range []string{"First words", "First words **重要：**请"} {
		if err := a.Edit(t.Context(), toReply, handle, text, 10_001+int64(seq)); err != nil {
			t.Fatal(err)
		}
	}
	if got := fake.Messages()[0].Text; got != "First words **重要：**\u200a请" {
		t.Errorf("grown to %q", got)
	}
	last := part("key", "# Done\n\nFirst words, and 2*3*4 <at id=all></at>")
	last.Verbs = []platforms.Verb{platforms.VerbRegenerate, platforms.VerbUp, platforms.VerbDown}
	for seq := range int64(2) { // it may be repeated
		if err := a.Close(t.Context(), toReply, handle, last, 10_010+seq); err != nil {
			t.Fatal(err)
		}
	}
	c, _ := fake.Card(card)
	if c.Growing || c.Summary != "Done First words, and 2*3*4 <\u200bat id=all></at>" || strings.Contains(c.Text, "<at") || !strings.Contains(c.Text, "2&#42;3&#42;4") {
		t.Errorf("closed as %+v", c)
	}
	for verb, there := range map[string]bool{"stop": false, "regenerate": true, "up": true, "down": true} {
		if strings.Contains(c.Body, `"parley":"`+verb+`"`) != there {
			t.Errorf("button %s: %s", verb, c.Body)
		}
	}
	if len(fake.Messages()) != 1 {
		t.Errorf("shown %+v", fake.Messages())
	}
}

// A reply that outlives the ten minutes of a card is renewed before they are
// over; one that nobody renewed is written as a whole.
func TestStreamOfTwelveMinutes(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	now.Store(arrival.Unix())
	clock := func() time.Time { return time.Unix(now.Load(), 0) }
	a, fake := newSender(t, func(o *feishu.Options) { o.Now = clock })
	fake.SetNow(clock)
	handle, card := grow(t, a, part("key", "one"))
	text := "one"
	for i := range 12 {
		now.Add(60)
		text += " more"
		if err := a.Edit(t.Context(), toReply, handle, text, 10_000+int64(i)); err != nil {
			t.Fatalf("minute %d: %v", i+1, err)
		}
		if got := fake.Messages()[0].Text; got != text {
			t.Fatalf("minute %d: %q", i+1, got)
		}
	}
	if n := fake.Requests(fakefeishu.CardSettings); n != 1 {
		t.Errorf("renewed %d times", n)
	}
	now.Add(1000) // a process that was frozen
	fake.Misbehave(fakefeishu.CardSettings, fakefeishu.Code(400, 300309, "x"))
	if err := a.Edit(t.Context(), toReply, handle, text+" late", 20_000); err != nil {
		t.Fatal(err)
	}
	if c, _ := fake.Card(card); c.Growing || c.Text != text+" late" || fake.Requests(fakefeishu.CardUpdate) != 1 {
		t.Errorf("after its time the card is %+v", c)
	}
	if err := a.Edit(t.Context(), toReply, handle, text+" later", 20_001); err != nil || fake.Requests(fakefeishu.CardUpdate) != 1 {
		t.Errorf("it is written again and again: %v", err)
	}
	if err := a.Close(t.Context(), toReply, handle, part("key", text+" and the end"), 20_002); err != nil {
		t.Fatal(err)
	}
	if c, _ := fake.Card(card); c.Text != text+" and the end" || c.Growing {
		t.Errorf("closed as %+v", c)
	}
}

// Without typing a card is written anew, and with neither nothing grows.
func TestStreamModes(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t, func(o *feishu.Options) { o.Stream = feishu.StreamEdit })
	handle, card := grow(t, a, part("key", "one"))
	if err := a.Edit(t.Context(), toReply, handle, "one two", 10_001); err != nil {
		t.Fatal(err)
	}
	if c, _ := fake.Card(card); c.Growing || c.Text != "one two" || fake.Requests(fakefeishu.CardContent) != 0 {
		t.Errorf("the card is %+v", c)
	}
	if off := newAdapter(t, func(o *feishu.Options) { o.Stream = feishu.StreamOff }); off.Streams(toReply) {
		t.Error("a reply grows although that is off")
	}
}

// Another process goes on with the handle; what the first still sends is refused.
func TestStreamTakenOver(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	handle, card := grow(t, a, part("key", "one"))
	if err := a.Edit(t.Context(), toReply, handle, "one two", 10_001); err != nil {
		t.Fatal(err)
	}
	other := newAdapter(t, func(o *feishu.Options) { o.BaseURL = fake.URL() })
	if err := other.Edit(t.Context(), toReply, handle, "another text", 20_001); err != nil {
		t.Fatal(err)
	}
	if err := a.Edit(t.Context(), toReply, handle, "one two three", 10_002); failure.CodeOf(err) != "feishu_300317" {
		t.Errorf("a late step: %v", err)
	}
	if err := other.Close(t.Context(), toReply, handle, part("key", "another text, whole"), 20_002); err != nil {
		t.Fatal(err)
	}
	if c, _ := fake.Card(card); c.Text != "another text, whole" || len(fake.Messages()) != 1 {
		t.Errorf("the card is %+v", c)
	}
}

// An open whose outcome nobody knows shows one message, whichever way it went on
// and whoever goes on with it.
func TestStreamOpenInDoubt(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fakefeishu.Fault{"not taken": fakefeishu.Cut(), "taken": fakefeishu.TakeThenCut()} {
		for _, crashed := range []bool{false, true} {
			a, fake := newSender(t)
			fake.Misbehave(fakefeishu.Reply, fault)
			p := part("key", "one")
			p.Opened = true
			if _, err := a.Open(t.Context(), toReply, p); failure.KindOf(err) != failure.Ambiguous {
				t.Fatalf("%s: %v", name, err)
			}
			if crashed {
				a = newAdapter(t, func(o *feishu.Options) { o.BaseURL = fake.URL() })
			}
			p.Text = "one and all"
			finding, handle, err := a.Find(t.Context(), toReply, p, arrival)
			if err != nil || finding != platforms.Shown {
				t.Fatalf("%s: %d, %v", name, finding, err)
			}
			if err := a.Close(t.Context(), toReply, handle, p, 20_001); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			shown := fake.Messages()
			if len(shown) != 1 || shown[0].Text != "one and all" {
				t.Errorf("%s, crashed %v: %+v", name, crashed, shown)
			}
			if c, _ := fake.Card(shown[0].Card); c.Growing {
				t.Errorf("%s, crashed %v: the card still grows", name, crashed)
			}
		}
	}
}

// What is not wanted any more is taken back, and what cannot be changed any more
// is taken back before it is sent anew.
func TestStreamWithdrawn(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	handle, _ := grow(t, a, part("key", "one"))
	for range 2 {
		if err := a.Withdraw(t.Context(), toReply, handle); err != nil || len(fake.Messages()) != 0 {
			t.Errorf("taken back: %v, %+v", err, fake.Messages())
		}
	}
	handle, _ = grow(t, a, part("key-2", "one"))
	fake.Misbehave(fakefeishu.CardUpdate, fakefeishu.Code(400, 300305, "too large"))
	err := a.Close(t.Context(), toReply, handle, part("key-2", "one and all"), 10_001)
	if failure.KindOf(err) != failure.Permanent || len(fake.Messages()) != 0 {
		t.Errorf("refused: %v, %+v", err, fake.Messages())
	}
}

// Without the scope or the quota replies are shown once, and the log says so once.
func TestStreamWithoutScope(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	a, fake := newSender(t, func(o *feishu.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	if !a.Streams(toReply) {
		t.Fatal("nothing grows")
	}
	fake.Misbehave(fakefeishu.CardCreate, fakefeishu.Code(400, 99991672, "no scope"), fakefeishu.Code(400, 99991672, "no scope"))
	for range 2 {
		if _, err := a.Open(t.Context(), toReply, part("key", "one")); failure.KindOf(err) != failure.Permanent {
			t.Errorf("opened: %v", err)
		}
	}
	if a.Streams(toReply) || strings.Count(log.String(), "cardkit:card:write") != 1 || len(fake.Messages()) != 0 {
		t.Errorf("streams %v, log %s", a.Streams(toReply), log.String())
	}
	p := part("key", "one")
	p.Opened = true
	fake.Misbehave(fakefeishu.CardCreate, fakefeishu.Code(400, 99991672, "no scope"))
	if finding, _, err := a.Find(t.Context(), toReply, p, arrival); finding != platforms.Missing || err != nil {
		t.Errorf("found %d, %v", finding, err)
	}
}

// A card that is refused for its tables shows them as text.
func TestStreamWithTooManyTables(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	handle, card := grow(t, a, part("key", "one"))
	fake.Misbehave(fakefeishu.CardUpdate, fakefeishu.Code(400, 230099, "ErrCode: 11310"))
	if err := a.Close(t.Context(), toReply, handle, part("key", "| a | b |\n|---|---|\n| c | d |"), 10_001); err != nil {
		t.Fatal(err)
	}
	if c, _ := fake.Card(card); !strings.Contains(c.Text, "```\na │ b") {
		t.Errorf("the card shows %q", c.Text)
	}
}

func TestSignOfWork(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	sign, lasts, err := a.Sign(t.Context(), toReply, "is thinking…")
	if err != nil || sign == "" || lasts != 0 || strings.Join(fake.Signs("om_asked"), " ") != "Typing" {
		t.Fatalf("sign %q for %s: %v, %q", sign, lasts, err, fake.Signs("om_asked"))
	}
	for range 2 {
		if err := a.Unsign(t.Context(), toReply, sign); err != nil || len(fake.Signs("om_asked")) != 0 {
			t.Errorf("taken away: %v, %q", err, fake.Signs("om_asked"))
		}
	}
	if _, _, err := a.Sign(t.Context(), toReply, ""); err != nil {
		t.Fatal(err)
	}
	other := newAdapter(t, func(o *feishu.Options) { o.BaseURL = fake.URL() }) // after a crash
	if err := other.Unsign(t.Context(), toReply, ""); err != nil || len(fake.Signs("om_asked")) != 0 {
		t.Errorf("after a crash: %v, %q", err, fake.Signs("om_asked"))
	}
	if sign, _, err := a.Sign(t.Context(), inChat, ""); sign != "" || err != nil {
		t.Errorf("without a question: %q, %v", sign, err)
	}
	fake.Misbehave(fakefeishu.React, fakefeishu.Code(400, 99991672, "no scope"))
	_, _, err = a.Sign(t.Context(), toReply, "")
	wantKind(t, err, failure.Permanent, "feishu_99991672")
	if sign, _, err := a.Sign(t.Context(), toReply, ""); sign != "" || err != nil || fake.Requests(fakefeishu.React) != 3 {
		t.Errorf("it is asked for again: %q, %v", sign, err)
	}
}

// The buttons of our cards say what they ask for.
func TestPress(t *testing.T) {
	t.Parallel()
	a := newAdapter(t)
	for _, verb := range []platforms.Verb{platforms.VerbStop, platforms.VerbRegenerate, platforms.VerbUp, platforms.VerbDown, "dance"} {
		got := receive(t, a, fakefeishu.CardEvent(fakefeishu.Card{
			Message: fakefeishu.Message{EventID: "ev_p", AppID: testApp, Token: testToken, MessageID: "om_reply"},
			Value:   map[string]any{"parley": string(verb), "chat_type": "p2p", "thread": "om_first"},
		}))
		want := platforms.Press{Verb: verb, MessageID: "om_reply"}
		if got.Press == nil || *got.Press != want || got.Ignore != "" || got.ChatType != platforms.Private || got.ThreadID != "om_first" {
			t.Errorf("%s: %+v", verb, got)
		}
	}
}
