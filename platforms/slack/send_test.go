package slack_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/slack"
)

var (
	channel = platforms.Address{ChatID: "C1"}
	thread  = platforms.Address{ChatID: "C1", ThreadID: "1700000000.000100"}
	part    = platforms.Part{Key: "delivery-1-0", Text: "hello"}
)

// pair is an adapter and the Slack that it talks to.
func pair(t *testing.T) (*slack.Adapter, *fakeslack.Server) {
	t.Helper()
	server := fakeslack.New(t, fakeslack.Options{})
	return newAdapter(t, slack.Options{SigningSecret: secret, APIURL: server.URL() + "/api"}), server
}

func TestSendPostsOnce(t *testing.T) {
	t.Parallel()
	a, server := pair(t)
	id, err := a.Send(t.Context(), thread, platforms.Part{Key: "k1", Text: "a < b & <@U1> <!here> *c*"})
	if err != nil {
		t.Fatal(err)
	}
	messages := server.Messages()
	if len(messages) != 1 {
		t.Fatalf("%d messages", len(messages))
	}
	m := messages[0]
	if m.TS != id || m.Channel != "C1" || m.ThreadTS != thread.ThreadID {
		t.Errorf("id %q, message %+v", id, m)
	}
	if m.Text != "a &lt; b &amp; &lt;@U1&gt; &lt;!here&gt; c" {
		t.Errorf("text %q", m.Text)
	}
	if m.Metadata == nil || m.Metadata.EventType != "parley_reply" || m.Metadata.EventPayload["delivery"] != "k1" {
		t.Errorf("metadata %+v", m.Metadata)
	}
}

func TestSendErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fault fakeslack.Fault
		kind  failure.Kind
		code  string
		wait  time.Duration
	}{
		{"429", fakeslack.RateLimit(7 * time.Second), failure.Retry, "ratelimited", 7 * time.Second},
		{"429 without a wait", fakeslack.Status(429), failure.Retry, "ratelimited", 0},
		{"200 and ratelimited", fakeslack.Refuse("ratelimited"), failure.Retry, "ratelimited", 0},
		{"200 and ratelimited with a wait", fakeslack.Fault{Code: "ratelimited", RetryAfter: 3 * time.Second}, failure.Retry, "ratelimited", 3 * time.Second},
		{"rate_limited", fakeslack.Refuse("rate_limited"), failure.Retry, "rate_limited", 0},
		{"migration", fakeslack.Refuse("team_added_to_org"), failure.Retry, "team_added_to_org", 0},
		{"channel_not_found", fakeslack.Refuse("channel_not_found"), failure.Permanent, "channel_not_found", 0},
		{"not_in_channel", fakeslack.Refuse("not_in_channel"), failure.Permanent, "not_in_channel", 0},
		{"is_archived", fakeslack.Refuse("is_archived"), failure.Permanent, "is_archived", 0},
		{"invalid_auth", fakeslack.Refuse("invalid_auth"), failure.Permanent, "invalid_auth", 0},
		{"account_inactive", fakeslack.Refuse("account_inactive"), failure.Permanent, "account_inactive", 0},
		{"token_revoked", fakeslack.Refuse("token_revoked"), failure.Permanent, "token_revoked", 0},
		{"missing_scope", fakeslack.Refuse("missing_scope"), failure.Permanent, "missing_scope", 0},
		{"msg_too_long", fakeslack.Refuse("msg_too_long"), failure.Permanent, "msg_too_long", 0},
		{"restricted_action", fakeslack.Refuse("restricted_action"), failure.Permanent, "restricted_action", 0},
		{"no_text", fakeslack.Refuse("no_text"), failure.Permanent, "no_text", 0},
		{"proxy", fakeslack.Status(403), failure.Permanent, "http_403", 0},
		{"redirect", fakeslack.Status(302), failure.Permanent, "http_302", 0},
		{"internal_error", fakeslack.TakeThenRefuse("internal_error"), failure.Ambiguous, "internal_error", 0},
		{"fatal_error", fakeslack.Refuse("fatal_error"), failure.Ambiguous, "fatal_error", 0},
		{"service_unavailable", fakeslack.Refuse("service_unavailable"), failure.Ambiguous, "service_unavailable", 0},
		{"request_timeout", fakeslack.Refuse("request_timeout"), failure.Ambiguous, "request_timeout", 0},
		{"unheard of", fakeslack.Refuse("brand_new_error"), failure.Permanent, "brand_new_error", 0},
		{"no reason", fakeslack.Fault{Body: `{"ok":false}`}, failure.Ambiguous, "no_answer", 0},
		{"500", fakeslack.Status(500), failure.Ambiguous, "http_500", 0},
		{"503 after taking", fakeslack.TakeThenStatus(503), failure.Ambiguous, "http_503", 0},
		{"cut", fakeslack.TakeThenCut(), failure.Ambiguous, "no_answer", 0},
		{"garbled", fakeslack.TakeThenGarble(), failure.Ambiguous, "no_answer", 0},
		{"empty answer", fakeslack.Fault{Body: " "}, failure.Ambiguous, "no_answer", 0},
		{"answer of another kind", fakeslack.Fault{Body: `[]`}, failure.Ambiguous, "no_answer", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, server := pair(t)
			server.Script(fakeslack.ChatPostMessage, c.fault)
			id, err := a.Send(t.Context(), channel, part)
			if err == nil || id != "" {
				t.Fatalf("taken as sent: %q", id)
			}
			if failure.KindOf(err) != c.kind || failure.CodeOf(err) != c.code || failure.WaitOf(err) != c.wait {
				t.Errorf("kind %d code %q wait %v: %v", failure.KindOf(err), failure.CodeOf(err), failure.WaitOf(err), err)
			}
			if n := server.Calls(fakeslack.ChatPostMessage); n != 1 {
				t.Errorf("called %d times", n)
			}
			if strings.Contains(err.Error(), fakeslack.DefaultToken) {
				t.Errorf("the error holds the token: %v", err)
			}
		})
	}
}

// A Retry-After that is no number must not turn a certain refusal into doubt.
func TestRetryAfterThatIsNoNumber(t *testing.T) {
	t.Parallel()
	client := &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"soon"}},
			Body: io.NopCloser(strings.NewReader("")),
		}, nil
	})}
	a := newAdapter(t, slack.Options{HTTPClient: client})
	if _, err := a.Send(t.Context(), channel, part); failure.KindOf(err) != failure.Retry {
		t.Errorf("got %v", err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// What never got a connection was not sent.
func TestUnreachableIsCertainlyNotSent(t *testing.T) {
	t.Parallel()
	gone := fakeslack.New(t, fakeslack.Options{})
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	never, cancel := context.WithCancel(t.Context())
	cancel()
	stuck := &http.Client{Transport: &http.Transport{ // connecting takes longer than the time there is
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}}
	hurry, done := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer done()
	for _, c := range []struct {
		name   string
		ctx    context.Context //nolint:containedctx // one case each
		client *http.Client
	}{
		{"connection refused", t.Context(), nil},
		{"no connection in time", hurry, stuck},
		{"too late already", never, nil},
	} {
		a := newAdapter(t, slack.Options{APIURL: gone.APIURL(), HTTPClient: c.client})
		if _, err := a.Send(c.ctx, channel, part); failure.KindOf(err) != failure.Retry {
			t.Errorf("%s: %v", c.name, err)
		}
		toURL := platforms.Address{ChatID: "C1", Private: true, Extra: map[string]string{"response_url": gone.URL() + "/commands/1"}}
		if _, err := a.Send(c.ctx, toURL, part); failure.KindOf(err) != failure.Retry {
			t.Errorf("%s, response url: %v", c.name, err)
		}
	}
}

// A client that cannot tell whether it connected leaves the outcome open.
func TestUnknownTransportErrorIsAmbiguous(t *testing.T) {
	t.Parallel()
	client := &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("broken") })}
	a := newAdapter(t, slack.Options{HTTPClient: client})
	if _, err := a.Send(t.Context(), channel, part); failure.KindOf(err) != failure.Ambiguous {
		t.Errorf("got %v", err)
	}
}

func TestTimeoutAfterTheRequestIsAmbiguous(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fakeslack.Fault{"taken": fakeslack.TakeThenHang(), "not taken": fakeslack.Hang()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, server := pair(t)
			server.Script(fakeslack.ChatPostMessage, fault)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				_, err := a.Send(ctx, channel, part)
				ended <- err
			}()
			if err := server.WaitCalls(t.Context(), fakeslack.ChatPostMessage, 1); err != nil {
				t.Fatal(err)
			}
			cancel()
			if err := <-ended; failure.KindOf(err) != failure.Ambiguous {
				t.Errorf("got %v", err)
			}
		})
	}
}

// The client's own limit holds where the caller sets none.
func TestClientTimeout(t *testing.T) {
	t.Parallel()
	server := fakeslack.New(t, fakeslack.Options{})
	server.Script(fakeslack.ChatPostMessage, fakeslack.TakeThenHang())
	a := newAdapter(t, slack.Options{APIURL: server.APIURL(), HTTPClient: &http.Client{Timeout: 50 * time.Millisecond}})
	if _, err := a.Send(t.Context(), channel, part); failure.KindOf(err) != failure.Ambiguous {
		t.Errorf("got %v", err)
	}
}

func TestCommandIsAnsweredAtItsURL(t *testing.T) {
	t.Parallel()
	a, server := pair(t)
	to := platforms.Address{ChatID: "D1", Private: true, Extra: map[string]string{"response_url": server.NewResponseURL()}}
	for range 6 {
		if _, err := a.Send(t.Context(), to, platforms.Part{Key: "k", Text: "a < b"}); err != nil {
			t.Fatal(err)
		}
	}
	messages := server.Messages()
	if len(messages) != 6 {
		t.Fatalf("%d messages", len(messages))
	}
	for i, m := range messages {
		// A response URL works five times, then the direct message has to do.
		if m.Ephemeral != (i < 5) || m.Text != "a &lt; b" {
			t.Errorf("message %d: %+v", i, m)
		}
	}
}

func TestResponseURLErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		fault  fakeslack.Fault
		kind   failure.Kind // Internal: no error
		direct bool         // the answer went to the direct message
	}{
		{"ok", fakeslack.Fault{}, failure.Internal, false},
		{"plain ok", fakeslack.Fault{Take: true, Body: "ok"}, failure.Internal, false},
		{"404", fakeslack.Status(404), failure.Internal, true},
		{"410", fakeslack.Status(410), failure.Internal, true},
		{"expired", fakeslack.Refuse("expired_url"), failure.Internal, true},
		{"used up", fakeslack.Refuse("used_url"), failure.Internal, true},
		{"redirect", fakeslack.Status(307), failure.Internal, true},
		{"429", fakeslack.RateLimit(2 * time.Second), failure.Retry, false},
		{"500", fakeslack.TakeThenStatus(500), failure.Ambiguous, false},
		{"internal_error", fakeslack.TakeThenRefuse("internal_error"), failure.Ambiguous, false},
		{"cut", fakeslack.TakeThenCut(), failure.Ambiguous, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, server := pair(t)
			server.Script(fakeslack.ResponseURL, c.fault)
			url := server.NewResponseURL()
			_, err := a.Send(t.Context(), platforms.Address{ChatID: "D1", Private: true, Extra: map[string]string{"response_url": url}}, part)
			if failure.KindOf(err) != c.kind || (err == nil) != (c.kind == failure.Internal) {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), url) {
				t.Errorf("the error holds the response url: %v", err)
			}
			if posted := server.Calls(fakeslack.ChatPostMessage) == 1; posted != c.direct {
				t.Errorf("posted to the direct message: %v", posted)
			}
		})
	}
}

// What was for one person alone goes on as a message for that person's eyes
// once the response URL is used up, and never to the whole channel.
func TestUsedUpResponseURLInAChannel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, user string
		fault      fakeslack.Fault
		kind       failure.Kind // Internal: no error
		code       string
	}{
		{"shown to the person", "U1", fakeslack.Fault{}, failure.Internal, ""},
		{"nobody in particular", "", fakeslack.Fault{}, failure.Permanent, "response_url_used_up"},
		{"the bot is not there", "U1", fakeslack.Refuse("not_in_channel"), failure.Permanent, "not_in_channel"},
		{"in a hurry", "U1", fakeslack.RateLimit(3 * time.Second), failure.Retry, "ratelimited"},
		{"no answer", "U1", fakeslack.TakeThenCut(), failure.Ambiguous, "no_answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, server := pair(t)
			server.Script(fakeslack.ResponseURL, fakeslack.Refuse("used_url"))
			server.Script(fakeslack.ChatPostEphemeral, c.fault)
			_, err := a.Send(t.Context(), platforms.Address{ChatID: "C1", UserID: c.user, Private: true, Extra: map[string]string{"response_url": server.NewResponseURL()}}, part)
			if c.kind == failure.Internal && err != nil || c.kind != failure.Internal && (failure.KindOf(err) != c.kind || failure.CodeOf(err) != c.code) {
				t.Errorf("got %v", err)
			}
			messages := server.Messages()
			if c.kind == failure.Internal && (len(messages) != 1 || messages[0].Text != part.Text || messages[0].Channel != "C1") {
				t.Errorf("shown %+v", messages)
			}
			for _, m := range messages {
				if !m.Ephemeral {
					t.Errorf("shown to everybody: %+v", m)
				}
			}
		})
	}
}

// An address is checked again when it is used: it was stored in between. What
// may not go there is for one person's eyes all the same.
func TestForeignResponseURLIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "foreign", "https://hooks.slack-gov.com/commands/1"} {
		a, server := pair(t)
		foreign := fakeslack.New(t, fakeslack.Options{})
		to := platforms.Address{ChatID: "C1", UserID: "U1", Private: true, Extra: map[string]string{"response_url": url}}
		if url == "foreign" {
			to.Extra["response_url"] = foreign.NewResponseURL()
		}
		if _, err := a.Send(t.Context(), to, part); err != nil {
			t.Fatal(err)
		}
		if len(foreign.Messages()) != 0 || len(server.Messages()) != 1 || !server.Messages()[0].Ephemeral {
			t.Errorf("%q: foreign %v, own %v", url, foreign.Messages(), server.Messages())
		}
	}
}

// What follows a button goes to everybody, and where the bot is no member to
// whom pressed it, the only one whom it can reach.
func TestWhereTheBotIsNoMember(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		post      fakeslack.Fault
		spare     fakeslack.Fault
		ephemeral bool
		code      string
	}{
		{"a member", fakeslack.Fault{}, fakeslack.Fault{}, false, ""},
		{"not in the channel", fakeslack.Refuse("not_in_channel"), fakeslack.Fault{}, true, ""},
		{"a channel it cannot see", fakeslack.Refuse("channel_not_found"), fakeslack.Fault{}, true, ""},
		{"archived", fakeslack.Refuse("is_archived"), fakeslack.Fault{}, false, "is_archived"},
		{"used up", fakeslack.Refuse("not_in_channel"), fakeslack.Refuse("used_url"), false, "not_in_channel"},
		{"perhaps shown", fakeslack.TakeThenCut(), fakeslack.Fault{}, false, "no_answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, server := pair(t)
			server.Script(fakeslack.ChatPostMessage, c.post)
			server.Script(fakeslack.ResponseURL, c.spare)
			_, err := a.Send(t.Context(), platforms.Address{ChatID: "C1", UserID: "U1", Extra: map[string]string{"spare_url": server.NewResponseURL()}}, part)
			if failure.CodeOf(err) != c.code && (err != nil || c.code != "") {
				t.Errorf("got %v", err)
			}
			for _, m := range server.Messages() {
				if m.Ephemeral != c.ephemeral || m.Text != part.Text {
					t.Errorf("shown %+v", m)
				}
			}
			if c.code == "" && len(server.Messages()) != 1 {
				t.Errorf("shown %+v", server.Messages())
			}
		})
	}
}

func TestSplitMeasuresWhatIsSent(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, slack.Options{})
	for _, reply := range []string{
		"short", strings.Repeat("<", 30000), strings.Repeat("語 ", 20000), strings.Repeat("line & line\n", 3000),
	} {
		parts := a.Split(reply)
		if strings.Join(parts, "") != reply {
			t.Errorf("%.10q…: characters were lost", reply)
		}
		for _, p := range parts {
			if n := utf8.RuneCountInString(escaped(p)); n > 11000 {
				t.Errorf("%.10q…: a part of %d characters", reply, n)
			}
		}
	}
	if parts := a.Split(strings.Repeat("a ", 11000)); len(parts) != 2 {
		t.Errorf("22,000 characters made %d parts", len(parts))
	}
}

// A message is cut off silently at 40,000 characters; a whole reply arrives.
func TestLongReplyArrivesWhole(t *testing.T) {
	t.Parallel()
	a, server := pair(t)
	reply := strings.Repeat("<&> words and words. ", 5000)
	for _, text := range a.Split(reply) {
		if _, err := a.Send(t.Context(), channel, platforms.Part{Key: "k", Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Join(server.Texts(), "") != reply {
		t.Error("the texts shown are not the reply")
	}
}

func TestAuthTestErrors(t *testing.T) {
	t.Parallel()
	a, server := pair(t)
	server.Script(fakeslack.AuthTest, fakeslack.Refuse("invalid_auth"), fakeslack.Fault{Body: `{"ok":false}`}, fakeslack.RateLimit(time.Second))
	for _, want := range []string{"invalid_auth", "no_answer", "ratelimited"} {
		if _, _, err := a.AuthTest(t.Context()); failure.CodeOf(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// The log must not hold what lets a reader write into the channel.
func TestLogHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	server := fakeslack.New(t, fakeslack.Options{})
	a := newAdapter(t, slack.Options{
		APIURL: server.APIURL(), Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	to := platforms.Address{ChatID: "D1", Private: true, Extra: map[string]string{"response_url": server.URL() + "/commands/expired-secret"}}
	if _, err := a.Send(t.Context(), to, part); err != nil {
		t.Fatal(err)
	}
	if got := log.String(); got == "" || strings.Contains(got, "expired-secret") || strings.Contains(got, part.Text) {
		t.Errorf("log: %s", got)
	}
}

// What a model writes is shown as blocks; the text beside them is for
// notifications.
func TestReplyIsRendered(t *testing.T) {
	t.Parallel()
	a, server := pair(t)
	const reply = "**重要：**请\n\n| a | b |\n|---|---|\n| 1 | |\n\n```go\nx := 1\n```"
	const plain = "重要：请\n\n```\na | b\n1 | \n```\n\n```go\nx := 1\n```" // no mark that Slack would show
	for _, to := range []platforms.Address{
		thread,
		{ChatID: "C1", UserID: "U1", Private: true},
		{ChatID: "C1", UserID: "U1", Private: true, Extra: map[string]string{"response_url": server.NewResponseURL()}},
	} {
		if _, err := a.Send(t.Context(), to, platforms.Part{Key: "k", Text: reply}); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range server.Messages() {
		if m.Text != plain || m.BlockText() != "重要：请ab1 x := 1" || !strings.Contains(string(m.Blocks), `"bold":true`) {
			t.Errorf("%+v", m)
		}
	}
}

// Blocks that Slack refuses cost the look of a reply, and not the reply.
func TestRefusedBlocksAreLeftOut(t *testing.T) {
	t.Parallel()
	a, server := pair(t)
	server.Script(fakeslack.ChatPostMessage, fakeslack.Refuse("invalid_blocks"))
	if _, err := a.Send(t.Context(), channel, part); err != nil {
		t.Fatal(err)
	}
	if m := server.Messages(); len(m) != 1 || m[0].Text != part.Text || m[0].Blocks != nil {
		t.Errorf("%+v", m)
	}
}

func TestSixtyThousandCharactersArriveWhole(t *testing.T) {
	t.Parallel()
	a, server := pair(t)
	for name, reply := range map[string]string{
		"words": strings.Repeat("word ", 12_000), "one word": strings.Repeat("a", 60_000), "lines": strings.Repeat("one <line> & more\n", 3_334)[:60_000],
	} {
		before := len(server.Texts())
		for n, text := range a.Split(reply) {
			if _, err := a.Send(t.Context(), channel, platforms.Part{Key: fmt.Sprint(name, n), Text: text}); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Join(server.Texts()[before:], ""); got != reply {
			t.Errorf("%s: %d characters arrived", name, len(got))
		}
	}
}
