package platformtest

import (
	"testing"
	"time"

	"github.com/parley-bot/parley/platforms"
)

// testStream: a reply grows in one message, which it ends as.
func (h Harness) testStream(t *testing.T) {
	s, ok := h.Adapter.(platforms.Streamer)
	if !ok || !s.Streams(h.Address) {
		t.Fatal("replies do not grow")
	}
	before := len(h.Shown())
	handle, err := s.Open(t.Context(), h.Address, part("stream-1", "It begins"))
	if err != nil {
		t.Fatal(err)
	}
	if platforms.MessageOf(handle) == "" || len(handle) > 255 {
		t.Errorf("handle %q", handle)
	}
	h.wantOne(t, before, "It begins")
	for i, text := range []string{"It begins and", "It begins and goes on"} {
		if err := s.Edit(t.Context(), h.Address, handle, text, 10_001+int64(i)); err != nil {
			t.Fatal(err)
		}
	}
	h.wantOne(t, before, "It begins and goes on")
	const whole = "Another text, and whole"
	for seq := range int64(2) { // by whoever takes over, as often as it takes
		if err := s.Close(t.Context(), h.Address, handle, part("stream-1", whole), 20_001+seq); err != nil {
			t.Fatal(err)
		}
		h.wantOne(t, before, whole)
	}
	w, ok := s.(platforms.Withdrawer)
	if !ok {
		return
	}
	if handle, err = s.Open(t.Context(), h.Address, part("stream-2", "Nobody wants it")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Withdraw(t.Context(), h.Address, handle); err != nil {
			t.Error(err)
		}
		h.wantOne(t, before, whole)
	}
}

// wantOne wants one message more than there were, which shows text.
func (h Harness) wantOne(t *testing.T, before int, text string) {
	t.Helper()
	if shown := h.Shown(); len(shown) != before+1 || shown[before] != text {
		t.Errorf("shown %q after %d, want %q alone", shown[min(before, len(shown)):], before, text)
	}
}

// testPress: a button under a reply says what it asks for, and of which reply.
func (h Harness) testPress(t *testing.T) {
	for _, verb := range []platforms.Verb{platforms.VerbStop, platforms.VerbRegenerate, platforms.VerbUp, platforms.VerbDown} {
		r := h.Press(t, h.Now, verb)
		r.Now = h.Now
		in, err := h.Adapter.Receive(t.Context(), r)
		if err != nil || len(in.Events) != 1 {
			t.Fatalf("%s: %+v, %v", verb, in, err)
		}
		if e := in.Events[0]; e.Press == nil || e.Press.Verb != verb || e.Press.MessageID == "" || e.Ignore != "" || e.SenderID == "" {
			t.Errorf("%s: %+v", verb, e)
		}
	}
}

// testLimits: what a call counts against is told the same each time, and can be kept.
func (h Harness) testLimits(t *testing.T, p platforms.Paced) {
	t.Helper()
	for _, c := range []platforms.Call{platforms.CallSend, platforms.CallOpen, platforms.CallEdit, platforms.CallClose} {
		first, again := p.Limits(h.Address, c), p.Limits(h.Address, c)
		if len(first) == 0 || len(again) != len(first) {
			t.Errorf("call %d: %+v, and then %+v", c, first, again)
		}
		for i, l := range first {
			if l.Scope == "" || l.Every <= 0 || l.Every > time.Minute || l.Burst < 0 || l != again[i] {
				t.Errorf("call %d: %+v", c, l)
			}
		}
	}
}
