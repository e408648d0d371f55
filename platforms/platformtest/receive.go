package platformtest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

func (h Harness) hello() Message {
	return Message{EventID: "event-1", MessageID: "message-1", Text: "hello, 世界"}
}

// receive gives r to the adapter at the harness's moment.
func (h Harness) receive(t *testing.T, r platforms.Request) (platforms.Inbound, error) {
	t.Helper()
	r.Now = h.Now
	in, err := h.Adapter.Receive(t.Context(), r)
	if checker, ok := h.Adapter.(platforms.Prechecker); ok {
		agree(t, checker, r, err)
	}
	return in, err
}

// agree holds a look at the headers to what the look at all of the request has
// said: it may let through more, and never less.
func agree(t *testing.T, checker platforms.Prechecker, r platforms.Request, received error) {
	t.Helper()
	most, err := checker.Precheck(r.Header, r.Now)
	switch {
	case err != nil && failure.KindOf(err) != failure.Unauthorized:
		t.Errorf("the headers alone give %v, of kind %d", err, failure.KindOf(err))
	case failure.KindOf(received) == failure.Unauthorized && received != nil:
	case err != nil:
		t.Errorf("the headers alone are refused with %v, and the whole request is genuine (%v)", err, received)
	case most > 0 && int64(len(r.Body)) > most:
		t.Errorf("a genuine body has %d bytes, at most %d are let through", len(r.Body), most)
	}
}

// one returns the only event of a request that must be good.
func (h Harness) one(t *testing.T, r platforms.Request) platforms.Event {
	t.Helper()
	in, err := h.receive(t, r)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	if len(in.Events) != 1 {
		t.Fatalf("%d events, want 1", len(in.Events))
	}
	return in.Events[0]
}

func (h Harness) refuse(t *testing.T, what string, r platforms.Request, want failure.Kind) {
	t.Helper()
	in, err := h.receive(t, r)
	if err == nil || failure.KindOf(err) != want {
		t.Errorf("%s: got kind %d, want %d: %v", what, failure.KindOf(err), want, err)
	}
	if len(in.Events) != 0 {
		t.Errorf("%s: refused and yet there are events", what)
	}
}

// testGenuine: a webhook as the platform sends it becomes a whole event.
func (h Harness) testGenuine(t *testing.T) {
	m := h.hello()
	e := h.one(t, h.Request(t, h.Now, m))
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
	if e.Platform != h.Platform || e.ID != m.EventID || e.Text != m.Text || e.Ignore != "" || e.Kind != platforms.KindMessage {
		t.Errorf("not the event of %+v: %+v", m, e)
	}
	if key := e.UserKey(); strings.Count(key, ":") != 2 || strings.HasSuffix(key, ":") || e.ReplyTo.UserKey != "" && e.ReplyTo.UserKey != key {
		t.Errorf("user key %q, in the address %q", key, e.ReplyTo.UserKey)
	}
	if e.ReplyTo.ChatID == "" && e.ReplyTo.MessageID == "" {
		t.Error("the address says nothing")
	}
	if d := e.SentAt.Sub(h.Now).Abs(); d > time.Minute {
		t.Errorf("sent at %v, which is %v from now", e.SentAt, d)
	}
}

// testMention: who is named beside the bot comes along, and is found in the text.
func (h Harness) testMention(t *testing.T) {
	if h.Naming == nil {
		return
	}
	e := h.one(t, h.Sign(t, h.Now, h.Naming))
	if len(e.Mentions) != 1 || e.Mentions[0] != h.Named || !strings.Contains(e.Text, h.Named.Shown()) {
		t.Errorf("%q names %+v, want %+v", e.Text, e.Mentions, h.Named)
	}
}

// testAddress: where the answer goes is the same after a restart.
func (h Harness) testAddress(t *testing.T) {
	for _, want := range []platforms.Address{h.Address, h.one(t, h.Request(t, h.Now, h.hello())).ReplyTo} {
		stored, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got platforms.Address
		if err := json.Unmarshal(stored, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v was stored as %s and is %+v: %v", want, stored, got, err)
		}
	}
}

// testSameMessage: a repeated delivery has the same identity, another message
// another one.
func (h Harness) testSameMessage(t *testing.T) {
	m := h.hello()
	first, repeated := h.one(t, h.Request(t, h.Now, m)), h.one(t, h.Request(t, h.Now.Add(-time.Second), m))
	if first.ID != repeated.ID || first.MessageKey != repeated.MessageKey {
		t.Errorf("repeated: event %q, message %q became event %q, message %q",
			first.ID, first.MessageKey, repeated.ID, repeated.MessageKey)
	}
	again := m
	again.EventID = "event-2"
	if e := h.one(t, h.Request(t, h.Now, again)); e.ID == first.ID || e.MessageKey != first.MessageKey {
		t.Errorf("the same message as another event: event %q, message %q", e.ID, e.MessageKey)
	}
	other := again
	other.MessageID = "message-2"
	if e := h.one(t, h.Request(t, h.Now, other)); e.MessageKey != "" && e.MessageKey == first.MessageKey {
		t.Errorf("two messages have the key %q", e.MessageKey)
	}
}

// testAltered: one changed byte in the body or the proof and it is a forgery.
func (h Harness) testAltered(t *testing.T) {
	r := h.Request(t, h.Now, h.hello())
	for i := range r.Body {
		altered := r
		altered.Body = flip(r.Body, i)
		h.refuse(t, "body", altered, failure.Unauthorized)
	}
	for _, name := range h.Proof {
		value := r.Header.Get(name)
		for i := range value {
			altered := r
			altered.Header = with(r.Header, name, string(flip([]byte(value), i)))
			h.refuse(t, name, altered, failure.Unauthorized)
		}
	}
	longer := r
	longer.Body = append(bytes.Clone(r.Body), ' ')
	h.refuse(t, "longer body", longer, failure.Unauthorized)
}

// flip changes the lowest bit of one byte: never only the case of a letter.
func flip(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1
	return b
}

func with(header http.Header, name, value string) http.Header {
	header = header.Clone()
	header.Set(name, value)
	return header
}

// testUnsigned: each header of the proof is required.
func (h Harness) testUnsigned(t *testing.T) {
	r := h.Request(t, h.Now, h.hello())
	for _, name := range h.Proof {
		for _, value := range []string{"", " ", "x"} {
			altered := r
			altered.Header = with(r.Header, name, value)
			h.refuse(t, name+" "+value, altered, failure.Unauthorized)
		}
		altered := r
		altered.Header = r.Header.Clone()
		altered.Header.Del(name)
		h.refuse(t, "without "+name, altered, failure.Unauthorized)
	}
	r.Header = http.Header{}
	h.refuse(t, "without headers", r, failure.Unauthorized)
	if checker, ok := h.Adapter.(platforms.Prechecker); ok {
		if most, err := checker.Precheck(r.Header, h.Now); err == nil && (most == 0 || most > 64<<10) {
			t.Errorf("without headers a body of %d bytes (0: any) would be read", most)
		}
	}
}

// testStale: the signature's time counts, to the second.
func (h Harness) testStale(t *testing.T) {
	for _, at := range []time.Time{h.Now.Add(-h.MaxAge), h.Now.Add(h.MaxAhead)} {
		if _, err := h.receive(t, h.Request(t, at, h.hello())); err != nil {
			t.Errorf("at the edge (%v): %v", at.Sub(h.Now), err)
		}
	}
	for _, at := range []time.Time{
		h.Now.Add(-h.MaxAge - time.Second), h.Now.Add(h.MaxAhead + time.Second),
		h.Now.AddDate(-10, 0, 0), h.Now.AddDate(10, 0, 0), time.Unix(0, 0),
	} {
		h.refuse(t, at.Sub(h.Now).String(), h.Request(t, at, h.hello()), failure.Unauthorized)
	}
}

// testGarbage: what is signed and yet no webhook is the caller's fault.
func (h Harness) testGarbage(t *testing.T) {
	const deep = 200_000
	for name, body := range map[string]string{
		"empty":          "",
		"white space":    " \n",
		"null":           "null",
		"array":          "[]",
		"string":         `"x"`,
		"number":         "1",
		"cut":            `{"a":`,
		"two":            `{} {}`,
		"binary":         "\x00\x01\xff\xfe",
		"not UTF-8":      "{\"text\":\"\xff\"",
		"deep arrays":    strings.Repeat("[", deep) + strings.Repeat("]", deep),
		"deep objects":   strings.Repeat(`{"event":`, deep) + "1" + strings.Repeat("}", deep),
		"open arrays":    strings.Repeat("[", deep),
		"deep in object": `{"metadata":` + strings.Repeat(`[`, deep) + strings.Repeat("]", deep) + `}`,
	} {
		h.refuse(t, name, h.Sign(t, h.Now, []byte(body)), failure.Invalid)
	}
}

// testDamaged: a genuine body with one byte changed before it was signed is
// read or refused, and never stored in a form that cannot be.
func (h Harness) testDamaged(t *testing.T) {
	body := h.Request(t, h.Now, h.hello()).Body
	for i := range body {
		in, err := h.receive(t, h.Sign(t, h.Now, flip(body, i)))
		if kind := failure.KindOf(err); err != nil && kind != failure.Invalid && kind != failure.Unauthorized {
			t.Errorf("byte %d: kind %d: %v", i, kind, err)
		}
		for _, e := range in.Events {
			if err := e.Validate(); err != nil {
				t.Errorf("byte %d: an event that cannot be stored: %v", i, err)
			}
		}
	}
}
