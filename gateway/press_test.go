package gateway_test

import (
	"context"
	"testing"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/platforms"
)

// whispering is a board that can say something to one person alone.
type whispering struct {
	board

	aside []string
}

func (*whispering) Whispers(platforms.Address) bool { return true }

func (w *whispering) Send(ctx context.Context, to platforms.Address, p platforms.Part) (string, error) {
	if to.Private {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.aside = append(w.aside, to.UserID+": "+p.Text)
		return "", nil
	}
	return w.board.Send(ctx, to, p)
}

func pressedOn(id, sender string, verb platforms.Verb, messageID string) platforms.Event {
	e := message("chat", id, sender, "")
	e.Kind, e.Press = platforms.KindAction, &platforms.Press{Verb: verb, MessageID: messageID}
	e.ReplyTo.UserID = sender
	return e
}

// Each person's last feedback counts, and is kept with the reply.
func TestFeedback(t *testing.T) {
	t.Parallel()
	b := &whispering{}
	w := process(t, dbtest.New(t), &model{reply: repeating}, nil, options{owner: "me", workers: 2, sender: b})
	w.start()
	w.final(w.accept(message("chat", "e1", "alice", "hi"))[0])
	for i, p := range []struct {
		sender string
		verb   platforms.Verb
	}{{"alice", platforms.VerbUp}, {"bob", platforms.VerbUp}, {"alice", platforms.VerbDown}} {
		a := w.accept(pressedOn("p"+string(rune('0'+i)), p.sender, p.verb, "h1"))[0]
		w.final(a)
		if e := w.event(a); e.State != inbox.Ignored {
			t.Errorf("%s: %s", e.State, e.Error)
		}
	}
	h := w.history()
	got, _ := h[len(h)-1].Metadata["feedback"].(map[string]any)
	if len(got) != 2 || got["chat:group:alice"] != "down" || got["chat:group:bob"] != "up" {
		t.Errorf("kept %v", h[len(h)-1].Metadata)
	}
	same(t, "stored", texts(h), []string{"u:hi", "a:re hi"})
	w.final(w.accept(pressedOn("p9", "alice", platforms.VerbUp, "h77"))[0])
	same(t, "said aside", b.aside, []string{"alice: This button no longer works."})
	if len(b.texts()) != 1 || len(w.model.asked) != 1 {
		t.Errorf("shown %q after %d calls", b.texts(), len(w.model.asked))
	}
}

// The newest reply can be made again, by who has asked: the new one is another
// message, the old one stays and leaves the prompt.
func TestRegenerate(t *testing.T) {
	t.Parallel()
	b, m, calls := &whispering{}, &model{}, 0
	m.reply = func(ctx context.Context, ask ai.Ask, _ func(string)) (string, error) {
		calls++
		return []string{"", "zero", "first", "second", "third"}[calls], nil
	}
	w := process(t, dbtest.New(t), m, nil, options{owner: "me", workers: 2, sender: b})
	w.start()
	w.final(w.accept(message("chat", "e0", "alice", "before"))[0])
	w.final(w.accept(message("chat", "e1", "alice", "hi"))[0])
	for id, p := range map[string]platforms.Event{
		"bob is not alice": pressedOn("p1", "bob", platforms.VerbRegenerate, "h2"),
		"not the newest":   pressedOn("p2", "alice", platforms.VerbRegenerate, "h1"),
	} {
		a := w.accept(p)[0]
		w.final(a)
		if calls != 2 || len(b.texts()) != 2 {
			t.Fatalf("%s: %d calls, shown %q", id, calls, b.texts())
		}
	}
	if len(b.aside) != 2 {
		t.Errorf("said aside %q", b.aside)
	}
	w.final(w.accept(pressedOn("p3", "alice", platforms.VerbRegenerate, "h2"))[0])
	same(t, "given", m.last(), []string{"u:before", "a:zero", "u:hi"})
	same(t, "shown", b.texts(), []string{"zero", "first", "second"})
	h := w.history()
	same(t, "stored", texts(h), []string{"u:before", "a:zero", "u:hi", "a:first", "a:second"})
	if !h[3].Replaced() || h[4].Replaced() {
		t.Errorf("%v, %v", h[3].Metadata, h[4].Metadata)
	}
	w.final(w.accept(pressedOn("p4", "alice", platforms.VerbRegenerate, "h3"))[0])
	same(t, "given", m.last(), []string{"u:before", "a:zero", "u:hi"})
}
