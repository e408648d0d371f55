package feishu_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/feishu"
)

// newSender returns an adapter that talks to a fake of its own.
func newSender(t *testing.T, change ...func(*feishu.Options)) (*feishu.Adapter, *fakefeishu.Server) {
	t.Helper()
	fake, err := fakefeishu.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	change = append([]func(*feishu.Options){func(o *feishu.Options) { o.BaseURL = fake.URL() + "/" }}, change...)
	return newAdapter(t, change...), fake
}

var (
	inChat  = platforms.Address{ChatID: "oc_1"}
	toReply = platforms.Address{ChatID: "oc_1", MessageID: "om_asked"}
)

func part(key, text string) platforms.Part { return platforms.Part{Key: key, Text: text} }

func TestSendRepliesOrCreates(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	fake.Know("om_asked", "oc_1")
	for i, tc := range []struct {
		to   platforms.Address
		want fakefeishu.Sent
	}{
		{toReply, fakefeishu.Sent{ChatID: "oc_1", ReplyTo: "om_asked"}},
		{platforms.Address{ChatID: "oc_1", MessageID: "om_asked", ThreadID: "omt_1"}, fakefeishu.Sent{ChatID: "oc_1", ReplyTo: "om_asked", InThread: true}},
		{inChat, fakefeishu.Sent{ChatID: "oc_1"}},
	} {
		key, text := fmt.Sprint("key-", i), "hi \"you\" & <b>\n漢字"
		id, err := a.Send(t.Context(), tc.to, part(key, text))
		if err != nil {
			t.Fatal(err)
		}
		shown, err := fake.WaitMessages(t.Context(), i+1)
		if err != nil {
			t.Fatal(err)
		}
		got := shown[i]
		if got.ID != id || got.Text != text || got.UUID != key || got.Type != "text" ||
			got.ChatID != tc.want.ChatID || got.ReplyTo != tc.want.ReplyTo || got.InThread != tc.want.InThread {
			t.Errorf("shown %+v as %s, want %+v", got, id, tc.want)
		}
	}
	if n := fake.Requests(fakefeishu.Token); n != 1 {
		t.Errorf("%d tokens for three messages", n)
	}
}

func TestSendErrors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		fault fakefeishu.Fault
		kind  failure.Kind
		code  string
		wait  time.Duration
		shown int
	}{
		{"429", fakefeishu.TooManyRequests(7), failure.Retry, "feishu_99991400", 7 * time.Second, 0},
		{"400 with 99991400", fakefeishu.RateLimited(3), failure.Retry, "feishu_99991400", 3 * time.Second, 0},
		{"429 from a proxy", fakefeishu.BadGateway(429), failure.Retry, "feishu_http_429", 0, 0},
		{"an absurd wait", fakefeishu.TooManyRequests(1 << 40), failure.Retry, "feishu_99991400", time.Hour, 0},
		{"too much in the chat", fakefeishu.Code(400, 230020, "x"), failure.Retry, "feishu_230020", 0, 0},
		{"too much in the tenant", fakefeishu.Code(400, 11232, "x"), failure.Retry, "feishu_11232", 0, 0},
		{"too much for the app", fakefeishu.Code(400, 11233, "x"), failure.Retry, "feishu_11233", 0, 0},
		{"same uuid on its way", fakefeishu.Code(400, 230049, "x"), failure.Ambiguous, "feishu_230049", 0, 0},
		{"500", fakefeishu.ServerError(), failure.Ambiguous, "feishu_2200", 0, 0},
		{"500 after taking", fakefeishu.TakeThenServerError(), failure.Ambiguous, "feishu_2200", 0, 1},
		{"502 from a proxy", fakefeishu.BadGateway(502), failure.Ambiguous, "feishu_http_502", 0, 0},
		{"504 from a proxy", fakefeishu.BadGateway(504), failure.Ambiguous, "feishu_http_504", 0, 0},
		{"404 from a proxy", fakefeishu.BadGateway(404), failure.Retry, "feishu_http_404", 0, 0},
		{"cut", fakefeishu.Cut(), failure.Ambiguous, "feishu_no_answer", 0, 0},
		{"taken and cut", fakefeishu.TakeThenCut(), failure.Ambiguous, "feishu_no_answer", 0, 1},
		{"bot not in the chat", fakefeishu.Code(400, 230002, "x"), failure.Permanent, "feishu_230002", 0, 0},
		{"too long", fakefeishu.Code(400, 230025, "x"), failure.Permanent, "feishu_230025", 0, 0},
		{"no scope", fakefeishu.Code(400, 99991672, "x"), failure.Permanent, "feishu_99991672", 0, 0},
		{"unknown", fakefeishu.Code(400, 123456, "x"), failure.Retry, "feishu_123456", 0, 0},
		{"unknown with 200", fakefeishu.Code(200, 123456, "x"), failure.Retry, "feishu_123456", 0, 0},
		{"2200 with 200", fakefeishu.Code(200, 2200, "x"), failure.Retry, "feishu_2200", 0, 0},
		{"230101", fakefeishu.Code(400, 230101, "x"), failure.Retry, "feishu_230101", 0, 0},
		{"done without an id", fakefeishu.Code(200, 0, "ok"), failure.Ambiguous, "feishu_http_200", 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a, fake := newSender(t)
			for route, to := range map[fakefeishu.Route]platforms.Address{fakefeishu.Create: inChat, fakefeishu.Reply: toReply} {
				before := len(fake.Messages())
				fake.Misbehave(route, tc.fault)
				id, err := a.Send(t.Context(), to, part("key-"+string(route), "x"))
				wantKind(t, err, tc.kind, tc.code)
				if failure.WaitOf(err) != tc.wait || id != "" {
					t.Errorf("%s: wait %s, id %q", route, failure.WaitOf(err), id)
				}
				if got := len(fake.Messages()) - before; got != tc.shown || fake.Requests(route) != 1 {
					t.Errorf("%s: %d shown after %d requests", route, got, fake.Requests(route))
				}
			}
		})
	}
}

// Case 6: the send worked, was reported as failed, and is repeated.
func TestRepeatAfterUnknownOutcomeShowsOne(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fakefeishu.Fault{
		"taken and cut": fakefeishu.TakeThenCut(), "taken and 500": fakefeishu.TakeThenServerError(), "not taken": fakefeishu.Cut(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, fake := newSender(t)
			fake.SetNow(func() time.Time { return arrival })
			fake.Misbehave(fakefeishu.Reply, fault)
			_, err := a.Send(t.Context(), toReply, part("key", "x"))
			if failure.KindOf(err) != failure.Ambiguous {
				t.Fatal(err)
			}
			finding, _, err := a.Find(t.Context(), toReply, part("key", "x"), arrival)
			if finding != platforms.Missing || err != nil {
				t.Fatalf("finding %d, %v", finding, err)
			}
			id, err := a.Send(t.Context(), toReply, part("key", "x"))
			if err != nil {
				t.Fatal(err)
			}
			if shown := fake.Messages(); len(shown) != 1 || shown[0].ID != id {
				t.Errorf("shown %+v", shown)
			}
		})
	}
}

func TestSilenceEndsWithTheContext(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fakefeishu.Fault{"hang": fakefeishu.Hang(), "take, then hang": fakefeishu.TakeThenHang()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, fake := newSender(t)
			fake.Misbehave(fakefeishu.Create, fault)
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() {
				defer cancel()
				if err := fake.WaitRequests(t.Context(), fakefeishu.Create, 1); err != nil {
					t.Error(err)
				}
			})
			_, err := a.Send(ctx, inChat, part("key", "x"))
			wantKind(t, err, failure.Ambiguous, "feishu_no_answer")
			wg.Wait()
		})
	}
}

func TestSilenceEndsWithTheTimeout(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t, func(o *feishu.Options) { o.HTTPClient = &http.Client{Timeout: 100 * time.Millisecond} })
	fake.Misbehave(fakefeishu.Create, fakefeishu.Hang())
	_, err := a.Send(t.Context(), inChat, part("key", "x"))
	wantKind(t, err, failure.Ambiguous, "feishu_no_answer")
}

func TestUnreachableIsRetried(t *testing.T) {
	t.Parallel()
	transport := &http.Transport{DisableKeepAlives: true}
	a, fake := newSender(t, func(o *feishu.Options) { o.HTTPClient = &http.Client{Transport: transport, Timeout: 5 * time.Second} })
	if _, err := a.Send(t.Context(), inChat, part("key-1", "x")); err != nil { // now there is a token
		t.Fatal(err)
	}
	fake.Close()
	_, err := a.Send(t.Context(), inChat, part("key-2", "x"))
	if k := failure.KindOf(err); k != failure.Retry || failure.CodeOf(err) != "feishu_unreachable" {
		t.Errorf("kind %d, code %s: %v", k, failure.CodeOf(err), err)
	}
}

// What happens before the message itself is sent shows nothing, whatever it is.
func TestTokenErrors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		fault fakefeishu.Fault
		kind  failure.Kind
		code  string
		wait  time.Duration
	}{
		{"500", fakefeishu.ServerError(), failure.Retry, "feishu_2200", 0},
		{"502 from a proxy", fakefeishu.BadGateway(502), failure.Retry, "feishu_http_502", 0},
		{"cut", fakefeishu.Cut(), failure.Retry, "feishu_no_answer", 0},
		{"rate limit", fakefeishu.RateLimited(9), failure.Retry, "feishu_99991400", 9 * time.Second},
		{"wrong secret", fakefeishu.Code(200, 10014, "x"), failure.Permanent, "feishu_10014", 0},
		{"no token in the answer", fakefeishu.Code(200, 0, "ok"), failure.Retry, "feishu_http_200", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a, fake := newSender(t)
			fake.Misbehave(fakefeishu.Token, tc.fault)
			_, err := a.Send(t.Context(), inChat, part("key", "x"))
			wantKind(t, err, tc.kind, tc.code)
			if failure.WaitOf(err) != tc.wait || fake.Requests(fakefeishu.Create) != 0 {
				t.Errorf("wait %s, %d sends", failure.WaitOf(err), fake.Requests(fakefeishu.Create))
			}
			if _, err := a.Send(t.Context(), inChat, part("key", "x")); err != nil {
				t.Errorf("the next one: %v", err)
			}
		})
	}
}

func TestExpiredTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	fake.Misbehave(fakefeishu.Create, fakefeishu.ExpireToken())
	if _, err := a.Send(t.Context(), inChat, part("key-1", "x")); err != nil {
		t.Fatal(err)
	}
	if n := fake.Requests(fakefeishu.Token); n != 2 || len(fake.Messages()) != 1 {
		t.Errorf("%d tokens, %d messages", n, len(fake.Messages()))
	}
	fake.Misbehave(fakefeishu.Create, fakefeishu.ExpireToken(), fakefeishu.ExpireToken())
	_, err := a.Send(t.Context(), inChat, part("key-2", "x"))
	wantKind(t, err, failure.Retry, "feishu_token")
	if n := fake.Requests(fakefeishu.Create); n != 4 {
		t.Errorf("%d requests", n)
	}
}

func TestRecalledMessageIsAnsweredInTheChat(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	fake.Recall("om_asked")
	for range 2 { // the repeat shows nothing more
		if _, err := a.Send(t.Context(), toReply, part("key", "x")); err != nil {
			t.Fatal(err)
		}
	}
	if shown := fake.Messages(); len(shown) != 1 || shown[0].ChatID != "oc_1" || shown[0].ReplyTo != "" || shown[0].UUID != "key" {
		t.Errorf("shown %+v", shown)
	}
	_, err := a.Send(t.Context(), platforms.Address{MessageID: "om_asked"}, part("key", "x"))
	wantKind(t, err, failure.Permanent, "feishu_230011")
	_, err = a.Send(t.Context(), platforms.Address{}, part("key", "x"))
	wantKind(t, err, failure.Permanent, "no_address")
}

func TestFindWindow(t *testing.T) {
	t.Parallel()
	a := newAdapter(t)
	for _, tc := range []struct {
		age  time.Duration
		key  string
		want platforms.Finding
	}{
		{0, "key", platforms.Missing},
		{55*time.Minute - time.Second, "key", platforms.Missing},
		{55 * time.Minute, "key", platforms.Unknowable},
		{24 * time.Hour, "key", platforms.Unknowable},
		{-time.Minute, "key", platforms.Missing}, // clocks differ a little
		{-time.Hour, "key", platforms.Unknowable},
		{0, "", platforms.Unknowable}, // nothing to know it by
	} {
		got, id, err := a.Find(t.Context(), inChat, part(tc.key, "x"), arrival.Add(-tc.age))
		if got != tc.want || id != "" || err != nil {
			t.Errorf("begun %s ago, key %q: %d, %q, %v", tc.age, tc.key, got, id, err)
		}
	}
}

func TestBotIdentityIsLearnt(t *testing.T) {
	t.Parallel()
	mentioned := func(t *testing.T, a *feishu.Adapter) bool {
		t.Helper()
		return receive(t, a, message(func(m *fakefeishu.Message) {
			m.ChatType, m.Text = "group", "@_user_1 x"
			m.Mentions = []fakefeishu.Mention{{Key: "@_user_1", OpenID: "ou_other", Name: "Other"}}
		})).Mentioned
	}
	unknown := func(o *feishu.Options) { o.BotOpenID = "" }
	t.Run("at the start", func(t *testing.T) {
		t.Parallel()
		a, fake := newSender(t, unknown)
		if !mentioned(t, a) {
			t.Error("unknown: whoever has no user_id counts")
		}
		for range 2 {
			if err := a.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if mentioned(t, a) || fake.Requests(fakefeishu.BotInfo) != 1 {
			t.Errorf("known: mentioned; %d requests", fake.Requests(fakefeishu.BotInfo))
		}
	})
	t.Run("after a send", func(t *testing.T) {
		t.Parallel()
		var clock atomic.Int64
		a, fake := newSender(t, unknown, func(o *feishu.Options) {
			o.Now = func() time.Time { return arrival.Add(time.Duration(clock.Load())) }
		})
		fake.Misbehave(fakefeishu.BotInfo, fakefeishu.ServerError())
		for i := range 3 { // asks, waits a minute, asks again
			clock.Store(int64(i) * int64(40*time.Second))
			if _, err := a.Send(t.Context(), inChat, part(fmt.Sprint(i), "x")); err != nil {
				t.Fatal(err)
			}
		}
		if n := fake.Requests(fakefeishu.BotInfo); n != 2 || mentioned(t, a) {
			t.Errorf("%d requests", n)
		}
	})
	t.Run("preset", func(t *testing.T) {
		t.Parallel()
		a, fake := newSender(t)
		if _, err := a.Send(t.Context(), inChat, part("key", "x")); err != nil || a.Start(t.Context()) != nil {
			t.Fatal(err)
		}
		if mentioned(t, a) || fake.Requests(fakefeishu.BotInfo) != 0 {
			t.Errorf("%d requests", fake.Requests(fakefeishu.BotInfo))
		}
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	fake.SetBot(fakefeishu.Bot{OpenID: "ou_bot", Name: "Helper"})
	if name, err := a.Bot(t.Context()); err != nil || name != "Helper" {
		t.Errorf("got %q, %v", name, err)
	}
	fake.ExpireTokens()
	if name, err := a.Bot(t.Context()); err != nil || name != "Helper" {
		t.Errorf("with a new token: %q, %v", name, err)
	}
	fake.Misbehave(fakefeishu.BotInfo, fakefeishu.ServerError())
	_, err := a.Bot(t.Context())
	wantKind(t, err, failure.Retry, "feishu_2200")

	other, fake := newSender(t)
	fake.RequireApp(testApp, "another secret")
	_, err = other.Bot(t.Context())
	wantKind(t, err, failure.Permanent, "feishu_10014")
	if text := err.Error(); strings.Contains(text, "app secret\"") || !strings.Contains(text, "credentials") {
		t.Errorf("text %q", text)
	}
}

func TestManySendersShareOneToken(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if _, err := a.Send(t.Context(), inChat, part(fmt.Sprint(i), "x")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := fake.Requests(fakefeishu.Token); n != 1 || len(fake.Messages()) != 20 {
		t.Errorf("%d tokens, %d messages", n, len(fake.Messages()))
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	good := feishu.Options{AppID: "a", AppSecret: "s"}
	if _, err := feishu.New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*feishu.Options){
		"app id":     func(o *feishu.Options) { o.AppID = "" },
		"app secret": func(o *feishu.Options) { o.AppSecret = "" },
		"scheme":     func(o *feishu.Options) { o.BaseURL = "ftp://open.feishu.cn" },
		"host":       func(o *feishu.Options) { o.BaseURL = "https://" },
		"no address": func(o *feishu.Options) { o.BaseURL = "open.feishu.cn" },
	} {
		opts := good
		change(&opts)
		if _, err := feishu.New(opts); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
