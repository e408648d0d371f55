package feishu_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/feishu"
)

const (
	testKey   = "encrypt key"
	testToken = "verification token"
	testApp   = "cli_test"
)

// arrival is the moment at which every test's request comes in.
var arrival = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// newAdapter returns an adapter of testApp with both secrets, changed by the options.
func newAdapter(tb testing.TB, change ...func(*feishu.Options)) *feishu.Adapter {
	tb.Helper()
	opts := feishu.Options{
		AppID: testApp, AppSecret: "app secret", EncryptKey: testKey, VerificationToken: testToken,
		BotOpenID: "ou_bot", Now: func() time.Time { return arrival },
	}
	for _, c := range change {
		c(&opts)
	}
	a, err := feishu.New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func secrets(key, token string) func(*feishu.Options) {
	return func(o *feishu.Options) { o.EncryptKey, o.VerificationToken = key, token }
}

func request(header http.Header, body []byte) platforms.Request {
	return platforms.Request{Header: header, Body: body, Now: arrival}
}

func message(change func(*fakefeishu.Message)) []byte {
	m := fakefeishu.Message{AppID: testApp, Token: testToken, Text: "hello", At: arrival}
	if change != nil {
		change(&m)
	}
	return fakefeishu.MessageEvent(m)
}

func wantKind(t *testing.T, err error, want failure.Kind, code string) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted, want kind %d (%s)", want, code)
	}
	if failure.KindOf(err) != want || failure.CodeOf(err) != code {
		t.Fatalf("got kind %d, code %s, want kind %d, code %s: %v", failure.KindOf(err), failure.CodeOf(err), want, code, err)
	}
}

func TestSignedEventIsAccepted(t *testing.T) {
	t.Parallel()
	in, err := newAdapter(t).Receive(t.Context(), request(fakefeishu.SignedRequest(testKey, arrival, message(nil))))
	if err != nil {
		t.Fatal(err)
	}
	if len(in.Events) != 1 || in.Events[0].Text != "hello" || in.Events[0].Ignore != "" {
		t.Errorf("got %+v", in.Events)
	}
	if string(in.Answer.Body) != "{}" || in.Answer.Status != http.StatusOK {
		t.Errorf("answer %d %s", in.Answer.Status, in.Answer.Body)
	}
}

func TestEveryAlteredByteIsUnauthorized(t *testing.T) {
	t.Parallel()
	a := newAdapter(t)
	header, body := fakefeishu.SignedRequest(testKey, arrival, message(nil))
	refused := func(what string, i int, h http.Header, b []byte) {
		t.Helper()
		in, err := a.Receive(t.Context(), request(h, b))
		if failure.KindOf(err) != failure.Unauthorized || err == nil || len(in.Events) != 0 {
			t.Errorf("%s with byte %d altered: %v", what, i, err)
		}
	}
	for i := range body {
		altered := bytes.Clone(body)
		altered[i] ^= 1
		refused("body", i, header, altered)
	}
	for _, name := range []string{"X-Lark-Signature", "X-Lark-Request-Timestamp", "X-Lark-Request-Nonce"} {
		value := header.Get(name)
		for i := range len(value) {
			altered := []byte(value)
			altered[i] ^= 1
			h := header.Clone()
			h.Set(name, string(altered))
			refused(name, i, h, body)
		}
		h := header.Clone()
		h.Del(name)
		refused(name+" missing", 0, h, body)
	}
}

func TestFreshness(t *testing.T) {
	t.Parallel()
	a := newAdapter(t)
	for _, tc := range []struct {
		name   string
		offset time.Duration
		ok     bool
	}{
		{"now", 0, true},
		{"a repeat after seven hours", -7 * time.Hour, true},
		{"eight hours old", -8 * time.Hour, true},
		{"a second more", -8*time.Hour - time.Second, false},
		{"five minutes ahead", 5 * time.Minute, true},
		{"a second further", 5*time.Minute + time.Second, false},
		{"years ago", -50 * 365 * 24 * time.Hour, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := a.Receive(t.Context(), request(fakefeishu.SignedRequest(testKey, arrival.Add(tc.offset), message(nil))))
			if tc.ok && err != nil {
				t.Fatal(err)
			}
			if !tc.ok {
				wantKind(t, err, failure.Unauthorized, "stale")
			}
		})
	}
}

// A digit can wander from the nonce to the time without changing what is hashed.
func TestShiftedTimestampIsStale(t *testing.T) {
	t.Parallel()
	header, body := fakefeishu.SignedRequest(testKey, arrival, message(nil))
	stamp, nonce := header.Get("X-Lark-Request-Timestamp"), header.Get("X-Lark-Request-Nonce")
	header.Set("X-Lark-Request-Timestamp", stamp[:9])
	header.Set("X-Lark-Request-Nonce", stamp[9:]+nonce)
	_, err := newAdapter(t).Receive(t.Context(), request(header, body))
	wantKind(t, err, failure.Unauthorized, "stale")
}

func TestStrangeTimestampsAreUnauthorized(t *testing.T) {
	t.Parallel()
	a := newAdapter(t)
	_, body := fakefeishu.SignedRequest(testKey, arrival, message(nil))
	for _, stamp := range []string{"+" + strconv.FormatInt(arrival.Unix(), 10), "9223372036854775807", "99999999999999999999", "1e9", "x", " "} {
		header := http.Header{}
		header.Set("X-Lark-Request-Timestamp", stamp)
		header.Set("X-Lark-Request-Nonce", "nonce")
		header.Set("X-Lark-Signature", fmt.Sprintf("%064x", 1))
		_, err := a.Receive(t.Context(), request(header, body))
		wantKind(t, err, failure.Unauthorized, "stale")
	}
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	plain := func(body []byte) platforms.Request { return request(fakefeishu.PlainRequest(body)) }
	signed := func(body []byte) platforms.Request {
		return request(fakefeishu.SignedRequest(testKey, arrival, body))
	}
	wrongToken := message(func(m *fakefeishu.Message) { m.Token = "other" })
	wrongApp := message(func(m *fakefeishu.Message) { m.AppID = "cli_other" })
	for _, tc := range []struct {
		name       string
		key, token string
		request    platforms.Request
		kind       failure.Kind
		code       string
	}{
		{"12: no key and no token means no service", "", "", plain(message(nil)), failure.Unauthorized, "no_secret"},
		{"12: a blank token is not a token", "", "", plain(message(func(m *fakefeishu.Message) { m.Token = "" })), failure.Unauthorized, "no_secret"},
		{"plain where a key is set", testKey, testToken, plain(message(nil)), failure.Unauthorized, "unsigned"},
		{"plain and signed where a key is set", testKey, testToken, request(fakefeishu.Sign(testKey, arrival, message(nil)), message(nil)), failure.Unauthorized, "not_encrypted"},
		{"encrypted but unsigned", testKey, testToken, plain(fakefeishu.Encrypt(testKey, message(nil))), failure.Unauthorized, "unsigned"},
		{"signed with another key", testKey, testToken, request(fakefeishu.SignedRequest("other", arrival, message(nil))), failure.Unauthorized, "bad_signature"},
		{"signed with an empty key", testKey, testToken, request(fakefeishu.SignedRequest("", arrival, message(nil))), failure.Unauthorized, "bad_signature"},
		{"an event with a card's signature", testKey, testToken, request(fakefeishu.LegacyCardRequest(testToken, arrival, fakefeishu.Encrypt(testKey, message(nil)))), failure.Unauthorized, "bad_signature"},
		{"encrypted with another key", testKey, testToken, request(fakefeishu.Sign(testKey, arrival, fakefeishu.Encrypt("other", message(nil))), fakefeishu.Encrypt("other", message(nil))), failure.Unauthorized, "bad_signature"},
		{"wrong token inside", testKey, testToken, signed(wrongToken), failure.Unauthorized, "bad_token"},
		{"wrong app inside", testKey, testToken, signed(wrongApp), failure.Unauthorized, "wrong_app"},
		{"wrong app without a token", testKey, "", signed(wrongApp), failure.Unauthorized, "wrong_app"},
		{"wrong app in schema 1", testKey, testToken, signed(fakefeishu.MessageEventV1(fakefeishu.Message{AppID: "cli_other", Token: testToken})), failure.Unauthorized, "wrong_app"},
		{"no key: wrong token", "", testToken, plain(wrongToken), failure.Unauthorized, "bad_token"},
		{"no key: no token", "", testToken, plain(message(func(m *fakefeishu.Message) { m.Token = "" })), failure.Unauthorized, "bad_token"},
		{"no key: encrypted", "", testToken, plain(fakefeishu.Encrypt(testKey, message(nil))), failure.Unauthorized, "encrypted"},
		{"no key: unsigned card", "", testToken, plain(fakefeishu.LegacyCardBody(fakefeishu.Card{})), failure.Unauthorized, "unsigned"},
		{"no key: card signed with another token", "", testToken, request(fakefeishu.LegacyCardRequest("other", arrival, fakefeishu.LegacyCardBody(fakefeishu.Card{}))), failure.Unauthorized, "bad_signature"},
		{"bad JSON from a stranger", testKey, testToken, plain([]byte(`{`)), failure.Unauthorized, "unsigned"},
		{"bad JSON, signed", testKey, testToken, signed([]byte(`{"schema":}`)), failure.Invalid, "invalid_body"},
		{"no key: bad JSON", "", testToken, plain([]byte(`{`)), failure.Invalid, "invalid_body"},
		{"no key: empty", "", testToken, plain(nil), failure.Invalid, "invalid_body"},
		{"no key: null", "", testToken, plain([]byte(`null`)), failure.Invalid, "invalid_body"},
		{"no event id", testKey, testToken, signed([]byte(`{"schema":"2.0","header":{"event_type":"im.message.receive_v1","token":"verification token","app_id":"cli_test"},"event":{"message":{"chat_id":"oc_1"}}}`)), failure.Invalid, "invalid_body"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			in, err := newAdapter(t, secrets(tc.key, tc.token)).Receive(t.Context(), tc.request)
			wantKind(t, err, tc.kind, tc.code)
			if len(in.Events) != 0 || in.Answer.Body != nil {
				t.Errorf("got %+v beside the error", in)
			}
		})
	}
}

func TestUndecipherable(t *testing.T) {
	t.Parallel()
	a := newAdapter(t)
	for name, body := range map[string]string{
		"not base64":           `{"encrypt":"!"}`,
		"shorter than a block": `{"encrypt":"AAAA"}`,
		"half a block":         `{"encrypt":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`,
	} {
		_, err := a.Receive(t.Context(), request(fakefeishu.Sign(testKey, arrival, []byte(body)), []byte(body)))
		wantKind(t, err, failure.Invalid, "not_decrypted")
		_, err = a.Receive(t.Context(), request(fakefeishu.PlainRequest([]byte(body))))
		if failure.KindOf(err) != failure.Unauthorized {
			t.Errorf("%s, unsigned: %v", name, err)
		}
	}
	// The SDK's decryption panics on this plain text.
	_, err := a.Receive(t.Context(), request(fakefeishu.SignedRequest(testKey, arrival, []byte(`}  {`))))
	wantKind(t, err, failure.Invalid, "not_decrypted")
}

// Case 12: the challenge comes without a signature.
func TestChallenge(t *testing.T) {
	t.Parallel()
	stale := func(h http.Header, b []byte) (http.Header, []byte) {
		h.Set("X-Lark-Request-Timestamp", "1")
		h.Set("X-Lark-Request-Nonce", "n")
		h.Set("X-Lark-Signature", "s")
		return h, b
	}
	for _, tc := range []struct {
		name       string
		key, token string
		request    platforms.Request
		code       string // "" = answered
	}{
		{"encrypted, token right", testKey, testToken, request(fakefeishu.ChallengeRequest(testKey, testToken, `x"<é`)), ""},
		{"encrypted, no token set", testKey, "", request(fakefeishu.ChallengeRequest(testKey, "whatever", `x"<é`)), ""},
		{"plain where no key is set", "", testToken, request(fakefeishu.ChallengeRequest("", testToken, `x"<é`)), ""},
		{"with useless signature headers", testKey, testToken, request(stale(fakefeishu.ChallengeRequest(testKey, testToken, `x"<é`))), ""},
		{"encrypted, token wrong", testKey, testToken, request(fakefeishu.ChallengeRequest(testKey, "other", "x")), "bad_token"},
		{"encrypted, token missing", testKey, testToken, request(fakefeishu.ChallengeRequest(testKey, "", "x")), "bad_token"},
		{"encrypted with another key", testKey, testToken, request(fakefeishu.ChallengeRequest("other", testToken, "x")), "unsigned"},
		{"plain where a key is set", testKey, testToken, request(fakefeishu.ChallengeRequest("", testToken, "x")), "unsigned"},
		{"plain, token wrong", "", testToken, request(fakefeishu.ChallengeRequest("", "other", "x")), "bad_token"},
		{"no secret at all", "", "", request(fakefeishu.ChallengeRequest("", "", "x")), "no_secret"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			in, err := newAdapter(t, secrets(tc.key, tc.token)).Receive(t.Context(), tc.request)
			if tc.code != "" {
				wantKind(t, err, failure.Unauthorized, tc.code)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var answer map[string]string
			if err := json.Unmarshal(in.Answer.Body, &answer); err != nil || len(answer) != 1 || answer["challenge"] != `x"<é` {
				t.Errorf("answer %s (%v)", in.Answer.Body, err)
			}
			if len(in.Events) != 0 || in.Answer.ContentType != "application/json; charset=utf-8" {
				t.Errorf("got %+v", in)
			}
		})
	}
}
