package generic_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakecallback"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/generic"
)

// exampleRequest is the published vector of Standard Webhooks.
func exampleRequest(at time.Time) platforms.Request {
	h := http.Header{}
	h.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	h.Set("webhook-timestamp", "1614265330")
	h.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	return platforms.Request{Header: h, Body: []byte(`{"test": 2432232314}`), Now: at}
}

func TestStandardWebhooksVector(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, generic.Options{Secret: exampleSecret})
	at := time.Unix(1614265330, 0)

	_, err := a.Receive(t.Context(), exampleRequest(at))
	if failure.KindOf(err) != failure.Invalid || !strings.Contains(failure.SafeOf(err), "sender_id") {
		t.Errorf("genuine, but not our fields: %v", err)
	}
	altered := exampleRequest(at)
	altered.Body[10] ^= 1
	if _, err := a.Receive(t.Context(), altered); failure.KindOf(err) != failure.Unauthorized {
		t.Errorf("one byte altered: %v", err)
	}
	if _, err := a.Receive(t.Context(), exampleRequest(now())); failure.CodeOf(err) != "stale" {
		t.Errorf("years later: %v", err)
	}
}

// A sender may call all three headers svix-…, and none of each.
func TestSvixHeaders(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, generic.Options{Secret: secret})
	as := func(rename ...string) platforms.Request {
		r := signed(t, secret, "msg-1", now(), messageBody("x"))
		for _, name := range rename {
			r.Header.Set("svix-"+name, r.Header.Get("webhook-"+name))
			r.Header.Del("webhook-" + name)
		}
		return r
	}
	whole := as("id", "timestamp", "signature")
	if _, err := a.Precheck(whole.Header, now()); err != nil {
		t.Error(err)
	}
	in, err := a.Receive(t.Context(), whole)
	if err != nil || in.Events[0].ID != "msg-1" {
		t.Errorf("%+v, %v", in.Events, err)
	}
	altered := as("id", "timestamp", "signature")
	altered.Header.Set("svix-id", "msg-2")
	for _, r := range []platforms.Request{altered, as("id"), as("timestamp"), as("signature", "id")} {
		if _, err := a.Receive(t.Context(), r); failure.KindOf(err) != failure.Unauthorized {
			t.Errorf("%v: %v", r.Header, err)
		}
	}
}

func TestFreshToTheNanosecond(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, generic.Options{Secret: secret})
	for _, tc := range []struct {
		arrival time.Duration // after it was signed
		fresh   bool
	}{
		{0, true},
		{5 * time.Minute, true},
		{5*time.Minute + 1, false},
		{-5 * time.Minute, true},
		{-5*time.Minute - 1, false},
	} {
		r := signed(t, secret, "msg-1", now(), messageBody("x"))
		r.Now = now().Add(tc.arrival)
		_, err := a.Receive(t.Context(), r)
		if tc.fresh != (err == nil) || (err != nil && failure.CodeOf(err) != "stale") {
			t.Errorf("%v: %v", tc.arrival, err)
		}
		// A request without its own moment is judged by the adapter's clock.
		r.Now = time.Time{}
		late := newAdapter(t, generic.Options{Secret: secret, Now: func() time.Time { return now().Add(tc.arrival) }})
		if _, err := late.Receive(t.Context(), r); tc.fresh != (err == nil) {
			t.Errorf("%v by the adapter's clock: %v", tc.arrival, err)
		}
	}
}

func TestTimestampHeader(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, generic.Options{Secret: secret})
	for _, stamp := range []string{"", "now", "+1800000000", "-1", "1800000000.0", " 1800000000", "18000000000000000000", "0x6b49d200"} {
		r := signed(t, secret, "msg-1", now(), messageBody("x"))
		signature, err := fakecallback.Sign(secret, "msg-1", stamp, r.Body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("webhook-timestamp", stamp)
		r.Header.Set("webhook-signature", signature)
		if _, err := a.Receive(t.Context(), r); failure.KindOf(err) != failure.Unauthorized {
			t.Errorf("%q: %v", stamp, err)
		}
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	body := messageBody("x")
	sign := func(secret string) string {
		return signed(t, secret, "msg-1", now(), body).Header.Get("webhook-signature")
	}
	old, fresh := sign(otherSecret), sign(secret)
	for _, tc := range []struct {
		name      string
		secrets   string
		signature string
		ok        bool
	}{
		{"one of one", secret, fresh, true},
		{"signed by both", secret, old + " " + fresh, true},
		{"signed by both, the other way round", secret, fresh + " " + old, true},
		{"unknown versions beside it", secret, "v1a,AAAA v2,xyz " + fresh, true},
		{"both accepted, old", secret + " " + otherSecret, old, true},
		{"both accepted, new", otherSecret + ", " + secret, fresh, true},
		{"wrong secret", secret, old, false},
		{"right bytes, wrong version", secret, strings.Replace(fresh, "v1,", "v2,", 1), false},
		{"no version", secret, strings.TrimPrefix(fresh, "v1,"), false},
		{"empty signature", secret, "v1,", false},
		{"commas instead of spaces", secret, old + "," + fresh, false},
	} {
		r := signed(t, secret, "msg-1", now(), body)
		r.Header.Set("webhook-signature", tc.signature)
		_, err := newAdapter(t, generic.Options{Secret: tc.secrets}).Receive(t.Context(), r)
		if tc.ok != (err == nil) || (err != nil && failure.KindOf(err) != failure.Unauthorized) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// Case 12: an unsigned request or a blank secret accepted.
func TestCase12NothingUnsigned(t *testing.T) {
	t.Parallel()
	open, closed := newAdapter(t, generic.Options{}), newAdapter(t, generic.Options{Secret: secret})
	unsigned := signed(t, "", "", now(), messageBody("x"))
	admitted := unsigned
	admitted.Admitted = true
	anySignature := signed(t, "whsec_", "msg-1", now(), messageBody("x")) // with the empty key

	for _, tc := range []struct {
		name string
		a    *generic.Adapter
		r    platforms.Request
		code string // "" = accepted
	}{
		{"no secret, admitted by a token", open, admitted, ""},
		{"no secret", open, unsigned, "unsigned"},
		{"no secret, signed with the empty key", open, anySignature, "unsigned"},
		{"secret, admitted by a token", closed, admitted, ""},
		{"secret, unsigned", closed, unsigned, "unsigned"},
		{"secret, signed with the empty key", closed, anySignature, "bad_signature"},
	} {
		_, err := tc.a.Receive(t.Context(), tc.r)
		if tc.code == "" && err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		if tc.code != "" && (failure.KindOf(err) != failure.Unauthorized || failure.CodeOf(err) != tc.code) {
			t.Errorf("%s: %v (%s), want %s", tc.name, err, failure.CodeOf(err), tc.code)
		}
		if tc.code == "unsigned" && (!strings.Contains(failure.SafeOf(err), "webhook-signature") || !strings.Contains(failure.SafeOf(err), "Authorization: Bearer")) {
			t.Errorf("%s: %q does not name both ways", tc.name, failure.SafeOf(err))
		}
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, generic.Options{Token: "0123456789abcdef"})
	for token, opens := range map[string]bool{
		"0123456789abcdef": true, "0123456789abcde": false, "0123456789abcdef0": false, "0123456789ABCDEF": false, "": false,
	} {
		if a.Opens(token) != opens {
			t.Errorf("%q opens: %t", token, !opens)
		}
	}
	if newAdapter(t, generic.Options{}).Opens("") {
		t.Error("a source without a token is open to the empty one")
	}
}

func TestVerifyStatus(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, generic.Options{Secret: secret})
	if err := a.VerifyStatus(signed(t, secret, "status-1", now(), ""), "status-1"); err != nil {
		t.Error(err)
	}
	if err := a.VerifyStatus(signed(t, secret, "status-1", now(), ""), "status-2"); failure.KindOf(err) != failure.Unauthorized || failure.CodeOf(err) != "other_event" {
		t.Errorf("signed for another event: %v", err)
	}
	withBody := signed(t, secret, "status-1", now(), messageBody("x"))
	if err := a.VerifyStatus(withBody, "status-1"); failure.KindOf(err) != failure.Unauthorized {
		t.Errorf("signed over a body: %v", err)
	}
	if err := a.VerifyStatus(signed(t, secret, "status-1", now().Add(-6*time.Minute), ""), "status-1"); failure.CodeOf(err) != "stale" {
		t.Errorf("stale: %v", err)
	}
	for name, a := range map[string]*generic.Adapter{"with a secret": a, "without": newAdapter(t, generic.Options{})} {
		if err := a.VerifyStatus(platforms.Request{Header: http.Header{}, Now: now(), Admitted: true}, "status-1"); err != nil {
			t.Errorf("%s, admitted by a token: %v", name, err)
		}
		if err := a.VerifyStatus(platforms.Request{Header: http.Header{}, Now: now()}, "status-1"); failure.KindOf(err) != failure.Unauthorized {
			t.Errorf("%s, unsigned: %v", name, err)
		}
	}
}

func receiveBody(t *testing.T, body string) (platforms.Event, error) {
	t.Helper()
	in, err := newAdapter(t, generic.Options{Secret: secret}).Receive(t.Context(), signed(t, secret, "msg-1", now(), body))
	if err != nil {
		return platforms.Event{}, err
	}
	return in.Events[0], nil
}

func TestEvent(t *testing.T) {
	t.Parallel()
	e, err := receiveBody(t, ` {"id":"evt-1","sender_id":"a:b%","text":" Hi\nthere ","chat_type":"group","chat_id":"room",
		"thread_id":"t1","sender_name":"Alice","locale":"zh_CN","metadata":{"n":12345678901234567890,"deep":{"x":[null,true]}},"TEXT":"no","more":1} `)
	if err != nil {
		t.Fatal(err)
	}
	want := platforms.Event{
		Platform: "generic", ID: "msg-1", Kind: platforms.KindMessage, ChatType: platforms.Group, ChatID: "room", ThreadID: "t1",
		SenderID: "a:b%", SenderName: "Alice", Text: " Hi\nthere ", Mentioned: true, SentAt: now(), Locale: "zh-CN",
		Metadata: map[string]any{"n": json.Number("12345678901234567890"), "deep": map[string]any{"x": []any{nil, true}}},
		ReplyTo:  platforms.Address{ChatID: "room", ThreadID: "t1", UserID: "a:b%", UserKey: "generic:group:a%3Ab%25"},
	}
	if !reflect.DeepEqual(e, want) {
		t.Errorf("got  %+v\nwant %+v", e, want)
	}
	if e.UserKey() != e.ReplyTo.UserKey {
		t.Errorf("user key %q", e.UserKey())
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"sender_id":"alice","text":"hello"}`,
		`{"sender_id":"alice","text":"hello","chat_type":null,"chat_id":null,"thread_id":null,"sender_name":null,"locale":null,"metadata":null,"id":null}`,
		`{"sender_id":"alice","text":"hello","chat_type":"","chat_id":"","thread_id":"","sender_name":"","locale":""}`,
	} {
		e, err := receiveBody(t, body)
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if e.ChatType != platforms.Private || e.ChatID != "alice" || e.ThreadID != "" || e.SenderName != "" || e.Locale != "" || e.Metadata != nil {
			t.Errorf("%s: %+v", body, e)
		}
	}
}

func TestFaultsInTheBody(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", platforms.MaxIDLen+1)
	for _, tc := range []struct{ name, body, says string }{
		{"empty", ``, "JSON object"},
		{"null", `null`, "JSON object"},
		{"array", `[{"sender_id":"a","text":"x"}]`, "JSON object"},
		{"two objects", `{"sender_id":"a","text":"x"}{}`, "JSON object"},
		{"something after", `{"sender_id":"a","text":"x"} x`, "JSON object"},
		{"cut", `{"sender_id":"a","text":"x"`, "JSON object"},
		{"byte order mark", "\ufeff" + `{"sender_id":"a","text":"x"}`, "JSON object"},
		{"not UTF-8", `{"sender_id":"a","text":"` + "\xff" + `"}`, "UTF-8"},
		{"half a character", `{"sender_id":"a","text":"` + "世"[:2] + `"}`, "UTF-8"},
		{"no sender", `{"text":"x"}`, `"sender_id"`},
		{"empty sender", `{"sender_id":"","text":"x"}`, `"sender_id"`},
		{"null sender", `{"sender_id":null,"text":"x"}`, `"sender_id"`},
		{"number as sender", `{"sender_id":7,"text":"x"}`, `"sender_id"`},
		{"no text", `{"sender_id":"a"}`, `"text"`},
		{"empty text", `{"sender_id":"a","text":""}`, `"text"`},
		{"field in another case", `{"sender_id":"a","TEXT":"x"}`, `"text"`},
		{"list as text", `{"sender_id":"a","text":["x"]}`, `"text"`},
		{"bool as id", `{"sender_id":"a","text":"x","id":true}`, `"id"`},
		{"number as chat", `{"sender_id":"a","text":"x","chat_id":1}`, `"chat_id"`},
		{"object as thread", `{"sender_id":"a","text":"x","thread_id":{}}`, `"thread_id"`},
		{"number as name", `{"sender_id":"a","text":"x","sender_name":1}`, `"sender_name"`},
		{"number as locale", `{"sender_id":"a","text":"x","locale":1}`, `"locale"`},
		{"words as locale", `{"sender_id":"a","text":"x","locale":"in Chinese"}`, `"locale" must be`},
		{"locale of a terminal", `{"sender_id":"a","text":"x","locale":"de_DE.UTF-8"}`, `"locale" must be`},
		{"long locale", `{"sender_id":"a","text":"x","locale":"de` + strings.Repeat("-abcdefgh", 4) + `"}`, "35"},
		{"number as chat type", `{"sender_id":"a","text":"x","chat_type":1}`, `"chat_type"`},
		{"other chat type", `{"sender_id":"a","text":"x","chat_type":"channel"}`, `"chat_type"`},
		{"chat type in capitals", `{"sender_id":"a","text":"x","chat_type":"Private"}`, `"chat_type"`},
		{"list as metadata", `{"sender_id":"a","text":"x","metadata":[]}`, `"metadata"`},
		{"string as metadata", `{"sender_id":"a","text":"x","metadata":"{}"}`, `"metadata"`},
		{"number that is none", `{"sender_id":"a","text":"x","metadata":{"n":1e999}}`, `"metadata"`},
		{"long sender", `{"sender_id":"` + long + `","text":"x"}`, "sender_id"},
		{"long chat", `{"sender_id":"a","text":"x","chat_id":"` + long + `"}`, "chat_id"},
		{"long thread", `{"sender_id":"a","text":"x","thread_id":"` + long + `"}`, "thread_id"},
		{"long name", `{"sender_id":"a","text":"x","sender_name":"` + long + `"}`, "sender_name"},
		{"NUL in sender", `{"sender_id":"a\u0000","text":"x"}`, "sender_id"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := receiveBody(t, tc.body)
			if failure.KindOf(err) != failure.Invalid || !strings.Contains(failure.SafeOf(err), tc.says) {
				t.Errorf("%v, want Invalid naming %s", err, tc.says)
			}
		})
	}
}

func TestEventID(t *testing.T) {
	t.Parallel()
	const plain, named = `{"sender_id":"a","text":"x"}`, `{"id":"evt-1","sender_id":"a","text":"x"}`
	for _, tc := range []struct{ name, secret, header, body, want string }{
		{"signed", secret, "msg-1", plain, "msg-1"},
		{"signed, with an id in the body", secret, "msg-1", named, "msg-1"},
		{"token, from the body", "", "", named, "evt-1"},
		{"token, from the header", "", "msg-1", plain, "msg-1"},
		{"token, both", "", "msg-1", named, "evt-1"},
		{"token, none", "", "", plain, "made-1"},
	} {
		a := newAdapter(t, generic.Options{Secret: tc.secret, NewID: func() string { return "made-1" }})
		r := signed(t, tc.secret, tc.header, now(), tc.body)
		r.Admitted = tc.secret == ""
		r.Header.Set("webhook-id", tc.header)
		in, err := a.Receive(t.Context(), r)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if got := in.Events[0].ID; got != tc.want {
			t.Errorf("%s: event id %q, want %q", tc.name, got, tc.want)
		}
	}
	for _, id := range []string{strings.Repeat("x", platforms.MaxIDLen+1), "\xff"} {
		_, err := newAdapter(t, generic.Options{Secret: secret}).Receive(t.Context(), signed(t, secret, id, now(), plain))
		if failure.KindOf(err) != failure.Invalid {
			t.Errorf("signed webhook-id %.10q…: %v", id, err)
		}
	}
}

func TestMadeIDsDiffer(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, generic.Options{})
	seen := map[string]bool{}
	for range 100 {
		r := signed(t, "", "", now(), messageBody("x"))
		r.Admitted = true
		in, err := a.Receive(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		seen[in.Events[0].ID] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d ids for 100 requests", len(seen))
	}
}

func FuzzReceive(f *testing.F) {
	f.Add([]byte(messageBody("x")))
	f.Add([]byte(`{"id":"1","sender_id":"a","text":"x","chat_type":"group","metadata":{"n":[1e9,{"a":null}]}}`))
	f.Add([]byte(`{"sender_id":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		a := newAdapter(t, generic.Options{})
		r := platforms.Request{
			Header: http.Header{}, Body: body, Now: now(), Admitted: true,
		}
		in, err := a.Receive(t.Context(), r)
		if err != nil {
			if failure.KindOf(err) != failure.Invalid {
				t.Fatalf("kind %d: %v", failure.KindOf(err), err)
			}
			return
		}
		e := in.Events[0]
		if err := e.Validate(); err != nil || e.Text == "" {
			t.Fatalf("an event that cannot be stored: %v", err)
		}
		if _, err := json.Marshal(e); err != nil {
			t.Fatalf("an event that cannot be written: %v", err)
		}
	})
}
