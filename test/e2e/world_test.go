package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/app"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/fakes/fakecallback"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// Keys of the fakes.
const (
	slackSecret   = "8f742231b10e8888abcd99yyyzzz85a5"
	slackToken    = "xoxb-test"
	feishuKey     = "encrypt key"
	feishuToken   = "verification token"
	feishuApp     = "cli_test"
	genericSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	adminToken    = "admin-token-of-the-tests"
)

// world is everything outside the gateway.
type world struct {
	slack    *fakeslack.Server
	feishu   *fakefeishu.Server
	openai   *fakeopenai.Server
	callback *fakecallback.Server
	dir      string
	database string // URL; "" = SQLite in dir
	// callTimeout bounds calls to the platforms; 0 = as in the real program.
	callTimeout time.Duration
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), slack: fakeslack.New(t, fakeslack.Options{Token: slackToken})}
	var err error
	if w.feishu, err = fakefeishu.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.feishu.Close)
	w.feishu.RequireApp(feishuApp, "app secret")
	if w.openai, err = fakeopenai.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.openai.Close)
	if w.callback, err = fakecallback.Start(fakecallback.Options{Secret: genericSecret}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.callback.Close)
	return w
}

func (w *world) config() *config.Config {
	cfg := config.Default()
	cfg.Server.Listen = "127.0.0.1:0"
	cfg.Server.AdminToken = adminToken
	cfg.Server.ShutdownGrace = 5 * time.Second
	cfg.Platforms.Slack.SigningSecret, cfg.Platforms.Slack.BotToken = slackSecret, slackToken
	cfg.Platforms.Slack.APIURL = config.URL(w.slack.APIURL())
	f := &cfg.Platforms.Feishu
	f.AppID, f.AppSecret, f.EncryptKey, f.VerificationToken = feishuApp, "app secret", feishuKey, feishuToken
	f.BaseURL = config.URL(w.feishu.URL())
	cfg.Platforms.Generic.Sources = []config.Source{
		{Name: "generic"},
		{Name: "signed", Secret: genericSecret, CallbackURL: config.URL(w.callback.URL())},
	}
	cfg.AI.BaseURL, cfg.AI.APIKey = config.URL(w.openai.URL()), "sk-test"
	cfg.AI.ConversationPersistence.DataDir = w.dir
	cfg.AI.ConversationPersistence.DBURL = config.DatabaseURL(w.database)
	cfg.Scheduler.BackupDir = filepath.Join(w.dir, "backups")
	return cfg
}

// server is a running gateway.
type server struct {
	t    *testing.T
	url  string
	stop func()
}

// start runs the real program until the test ends or stop is called.
func (w *world) start(t *testing.T, change ...func(*config.Config)) *server {
	t.Helper()
	return w.startWith(t, app.Options{}, change...)
}

// startWith is start with other surroundings.
func (w *world) startWith(t *testing.T, o app.Options, change ...func(*config.Config)) *server {
	t.Helper()
	cfg := w.config()
	for _, c := range change {
		c(cfg)
	}
	log := io.Discard
	if os.Getenv("PARLEY_TEST_LOG") != "" {
		log = t.Output()
	}
	o.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Settle, o.CallTimeout = 50*time.Millisecond, w.callTimeout
	a, err := app.New(t.Context(), cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	stopped := false
	s := &server{t: t, url: "http://" + a.Addr()}
	s.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("stopped with %v", err)
		}
	}
	t.Cleanup(s.stop)
	return s
}

// patience bounds every wait of a test.
func patience(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	t.Cleanup(cancel)
	return ctx
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	return v
}

func (s *server) do(req *http.Request) answer {
	s.t.Helper()
	client := &http.Client{Timeout: 2 * time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// request shows the admin token where the source named generic, which has no
// secret, and the metrics want one.
func (s *server) request(method, path, body string, header ...string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if path == "/webhooks/generic" || strings.HasPrefix(path, "/webhooks/generic/events/") || path == "/metrics" {
		req.Header.Set("Authorization", "Bearer "+adminToken)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return s.do(req)
}

// say posts to the generic source without a secret and waits for the reply.
func (s *server) say(who, text string, header ...string) answer {
	s.t.Helper()
	body, _ := json.Marshal(map[string]string{"sender_id": who, "text": text})
	return s.request(http.MethodPost, "/webhooks/generic", string(body),
		append([]string{"Content-Type", "application/json", "Prefer", "wait=30"}, header...)...)
}

// reply is what say got as the reply's text.
func (s *server) reply(who, text string) string {
	s.t.Helper()
	a := s.say(who, text)
	r, _ := a.json(s.t)["reply"].(map[string]any)
	if a.status != http.StatusOK || r == nil {
		s.t.Fatalf("%q: %d %s", text, a.status, a.body)
	}
	return r["text"].(string)
}

// post posts a body to the open generic source and returns the reply's text.
func (s *server) post(body string) string {
	s.t.Helper()
	a := s.request(http.MethodPost, "/webhooks/generic", body, "Content-Type", "application/json", "Prefer", "wait=30")
	r, _ := a.json(s.t)["reply"].(map[string]any)
	if a.status != http.StatusOK || r == nil {
		s.t.Fatalf("%s: %d %s", body, a.status, a.body)
	}
	return r["text"].(string)
}

func (s *server) slackEvent(body []byte) answer {
	s.t.Helper()
	req, err := fakeslack.SignedRequest(s.t.Context(), s.url+"/webhooks/slack", slackSecret, time.Now(), body)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.do(req)
}

func (s *server) feishuEvent(body []byte) answer {
	s.t.Helper()
	header, sealed := fakefeishu.SignedRequest(feishuKey, time.Now(), body)
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/webhooks/feishu", bytes.NewReader(sealed))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header = header
	return s.do(req)
}

func (s *server) signedEvent(id string, body []byte) answer {
	s.t.Helper()
	req, err := fakecallback.SignedRequest(s.t.Context(), genericSecret, id, time.Now(), s.url+"/webhooks/generic/signed", body)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.do(req)
}

func (s *server) metric(name string) string {
	s.t.Helper()
	for line := range strings.Lines(s.request(http.MethodGet, "/metrics", "").body) {
		if value, ok := strings.CutPrefix(line, name); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
