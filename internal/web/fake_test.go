package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/gateway"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/intake"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/internal/signin"
	"github.com/parley-bot/parley/internal/web"
	"github.com/parley-bot/parley/platforms"
)

// fakeGateway stores events in memory. The reply to an event is given by its test.
type fakeGateway struct {
	mu        sync.Mutex
	stored    map[string]inbox.Accepted // by platform and event id
	texts     map[string]string         // likewise
	acceptErr error
	wait      func(ctx context.Context, a inbox.Accepted, onDelta func(string)) (gateway.Status, error)
	status    func(platform, id string) (gateway.Status, error)
}

func (g *fakeGateway) Accept(_ context.Context, events []platforms.Event) ([]inbox.Accepted, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.acceptErr != nil {
		return nil, g.acceptErr
	}
	accepted := make([]inbox.Accepted, 0, len(events))
	for i := range events {
		e := &events[i]
		key := e.Platform + "\x00" + e.ID
		a, known := g.stored[key]
		if !known {
			a = inbox.Accepted{ID: int64(len(g.stored) + 1), Platform: e.Platform, EventID: e.ID, UserKey: e.UserKey()}
			g.stored[key], g.texts[key] = a, e.Text
		}
		a.Duplicate, a.Differs = known, g.texts[key] != e.Text
		accepted = append(accepted, a)
	}
	return accepted, nil
}

func (g *fakeGateway) Wait(ctx context.Context, a inbox.Accepted, onDelta func(string)) (gateway.Status, error) {
	if g.wait == nil {
		return completed(a), nil
	}
	return g.wait(ctx, a, onDelta)
}

func (*fakeGateway) Late(ctx context.Context, in *platforms.Inbound, accepted []inbox.Accepted) {
	if in.Late != nil && len(accepted) > 0 {
		in.Answer = in.Late(ctx)
	}
}

func (g *fakeGateway) Status(_ context.Context, platform, id string) (gateway.Status, error) {
	if g.status != nil {
		return g.status(platform, id)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	a, ok := g.stored[platform+"\x00"+id]
	if !ok {
		return gateway.Status{}, failure.New(failure.NotFound, "event_not_found", "there is no such event", nil)
	}
	return gateway.Status{EventID: a.EventID, UserKey: a.UserKey, Status: gateway.StatusAccepted}, nil
}

func (g *fakeGateway) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.stored)
}

func completed(a inbox.Accepted) gateway.Status {
	return gateway.Status{
		EventID: a.EventID, UserKey: a.UserKey, Status: gateway.StatusCompleted,
		Reply: &gateway.Reply{Text: "hi there", MessageID: 7, Tokens: 12},
	}
}

// fakeSource reads {"id","sender_id","text"}; a request is genuine when it
// carries the header X-Signed: yes or is admitted by a token.
type fakeSource struct{ platform string }

func (f fakeSource) Receive(_ context.Context, r platforms.Request) (platforms.Inbound, error) {
	if err := f.VerifyStatus(r, ""); err != nil {
		return platforms.Inbound{}, err
	}
	var body struct {
		ID     string `json:"id"`
		Sender string `json:"sender_id"`
		Text   string `json:"text"`
	}
	if err := json.Unmarshal(r.Body, &body); err != nil {
		return platforms.Inbound{}, failure.New(failure.Invalid, "invalid_json", "the body is not JSON", err)
	}
	switch body.Text {
	case "panic":
		panic("the adapter broke")
	case "challenge":
		return platforms.Inbound{Answer: platforms.Answer{ContentType: "text/plain", Body: []byte(body.ID)}}, nil
	}
	return platforms.Inbound{Events: []platforms.Event{{
		Platform: f.platform, ID: body.ID, ChatType: platforms.Private, ChatID: body.Sender, SenderID: body.Sender,
		Text: body.Text,
	}}}, nil
}

func (f fakeSource) Opens(token string) bool { return token == f.platform+"-token" }

func (f fakeSource) VerifyStatus(r platforms.Request, _ string) error {
	if r.Header.Get("X-Signed") == "yes" || r.Admitted {
		return nil
	}
	return failure.New(failure.Unauthorized, "bad_signature", "the signature does not fit", nil)
}

const adminBearer = "Bearer admin-token-for-tests"

const event = `{"id":"evt-1","sender_id":"alice","text":"hello"}`

// bench is a server under test.
type bench struct {
	*web.Server

	gateway *fakeGateway
	metrics *metrics.Metrics
	log     *lockedBuffer
}

func newBench(t *testing.T, change func(o *web.Options)) *bench {
	t.Helper()
	b := &bench{gateway: &fakeGateway{stored: map[string]inbox.Accepted{}, texts: map[string]string{}}, metrics: metrics.New(), log: &lockedBuffer{}}
	o := web.Options{
		Listen:  "127.0.0.1:0",
		Gateway: b.gateway, Metrics: b.metrics, Door: signin.New(signin.Options{Token: "admin-token-for-tests"}),
		Receivers: map[string]platforms.Receiver{"slack": fakeSource{"slack"}, "slack.sales": fakeSource{"slack.sales"}, "feishu": fakeSource{"feishu"}},
		Sources:   map[string]web.Source{"generic": fakeSource{"generic"}, "shop": fakeSource{"shop"}},
		Logger:    slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&o)
	}
	door, err := intake.New(intake.Options{Store: b.gateway, Metrics: b.metrics, Logger: o.Logger, Now: o.Now})
	if err != nil {
		t.Fatal(err)
	}
	o.Intake = door
	if b.Server, err = web.New(o); err != nil {
		t.Fatal(err)
	}
	return b
}

// do sends one request without a connection.
func (b *bench) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
	r.Header.Set("X-Signed", "yes")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.Handler().ServeHTTP(w, r)
	return w
}

// lines returns the log so far.
func (b *bench) lines() string { return b.log.String() }

// scrape returns the metrics as text.
func (b *bench) scrape() string {
	return b.do(http.MethodGet, "/metrics", "", "Authorization", adminBearer).Body.String()
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// serve runs the server on a port of its own until the test ends and returns
// its URL and a function that stops it and returns what Serve returned.
func (b *bench) serve(t *testing.T) (url string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	listener, err := b.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- b.Serve(ctx, listener) }()
	stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = stop() })
	return "http://" + listener.Addr().String(), stop
}

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

func wantJSON(t *testing.T, got, want string) {
	t.Helper()
	if strings.TrimSpace(got) != want {
		t.Errorf("body\n got %s\nwant %s", strings.TrimSpace(got), want)
	}
}
