package browser_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/parley-bot/parley/admin"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/intake"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/internal/signin"
	"github.com/parley-bot/parley/internal/web"
	"github.com/parley-bot/parley/platforms"
)

// patience is how long anything in the browser may take.
const patience = 60 * time.Second

// fakeChat is a conversation in memory whose replies the test writes.
type fakeChat struct {
	mu       sync.Mutex
	messages []conversation.Message
	answered map[string]string   // reply by id: the same id is the same message
	asked    []string            // every id that came
	locale   string              // of who asked last
	broken   error               // what Say returns at once
	replies  map[string][]string // pieces by text; others are echoed
	step     chan struct{}       // when not nil: each piece waits for one value
}

func (f *fakeChat) Say(ctx context.Context, said admin.Said, onDelta func(string)) (gateway.Status, error) {
	pieces, step, reply, err := f.begin(said)
	if err != nil {
		return gateway.Status{}, err
	}
	if reply == "" {
		for _, piece := range pieces {
			if step != nil {
				select {
				case <-step:
				case <-ctx.Done():
					return gateway.Status{}, ctx.Err()
				}
			}
			onDelta(piece)
		}
		reply = f.finish(said.ID, said.Text, strings.Join(pieces, ""))
	}
	return gateway.Status{
		EventID: said.ID, UserKey: "web:private:local", Status: gateway.StatusCompleted,
		Reply: &gateway.Reply{Text: reply, MessageID: 1, Tokens: 10},
	}, nil
}

func (f *fakeChat) begin(said admin.Said) (pieces []string, step chan struct{}, reply string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked, f.locale = append(f.asked, said.ID), said.Locale
	if f.broken != nil {
		return nil, nil, "", f.broken
	}
	pieces = f.replies[said.Text]
	if pieces == nil {
		pieces = []string{"You said: ", said.Text}
	}
	return pieces, f.step, f.answered[said.ID], nil
}

func (f *fakeChat) finish(id, text, reply string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answered[id] = reply
	metadata := map[string]any{}
	if strings.HasPrefix(text, "/") {
		metadata["command"] = strings.Fields(text[1:])[0]
	}
	f.messages = append(f.messages,
		conversation.Message{Role: conversation.RoleUser, Content: text, Timestamp: time.Now(), Metadata: metadata},
		conversation.Message{Role: conversation.RoleAssistant, Content: reply, Timestamp: time.Now(), Metadata: metadata})
	return reply
}

func (f *fakeChat) History(context.Context, int) ([]conversation.Message, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.messages), nil
}

func (f *fakeChat) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fakeChat) ids() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

func (f *fakeChat) readerLocale() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.locale
}

// noGateway is for a server without platforms.
type noGateway struct{}

var errNoPlatform = errors.New("there is no platform here")

func (noGateway) Take(context.Context, intake.Delivery) ([]inbox.Accepted, error) {
	return nil, errNoPlatform
}

func (noGateway) Refuse(context.Context, string, error) {}

func (noGateway) Late(context.Context, *platforms.Inbound, []inbox.Accepted) {}

func (noGateway) Wait(context.Context, inbox.Accepted, func(string)) (gateway.Status, error) {
	return gateway.Status{}, errNoPlatform
}

func (noGateway) Status(context.Context, string, string) (gateway.Status, error) {
	return gateway.Status{}, failure.New(failure.NotFound, "event_not_found", "there is no such event", nil)
}

const token = "a-long-admin-token"

// start serves the page over HTTP as the program does and returns its URL.
func start(t *testing.T, chat *fakeChat) string {
	t.Helper()
	door := signin.New(signin.Options{Token: token, DB: dbtest.New(t)})
	server, err := web.New(web.Options{
		Listen: "127.0.0.1:0", Intake: noGateway{}, Gateway: noGateway{}, Metrics: metrics.New(),
		Door:   door,
		Admin:  admin.New(admin.Options{Door: door, Chat: chat}),
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	listener, err := server.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, net.ErrClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	return "http://" + listener.Addr().String()
}

// browser starts a Chromium of its own with one tab.
func browser(t *testing.T, width, height int64, dark bool, device ...chromedp.EmulateViewportOption) context.Context {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("lang", "en-GB"),
	)
	if dark {
		options = append(options, chromedp.Flag("blink-settings", "preferredColorScheme=0"))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	do(ctx, t, "start the browser", chromedp.EmulateViewport(width, height, device...))
	return ctx
}

func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("PARLEY_REQUIRE_BROWSER") != "" {
		t.Fatal("no Chromium was found, and PARLEY_REQUIRE_BROWSER is set")
	}
	t.Skip("no Chromium was found on the PATH; the chat page is not looked at")
	return ""
}

func do(ctx context.Context, t *testing.T, what string, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// wait returns when the JavaScript condition holds.
func wait(ctx context.Context, t *testing.T, condition string) {
	t.Helper()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](condition, chromedp.WithPollingTimeout(20*time.Second))); err != nil {
		now, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
		t.Fatalf("waiting for %s: %v; the page shows:\n%s", condition, err, now)
	}
}

func eval[T any](ctx context.Context, t *testing.T, expression string) T {
	t.Helper()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// cookies returns those of the page, also what its scripts may not read.
func cookies(ctx context.Context, t *testing.T) []*network.Cookie {
	t.Helper()
	got, err := chromedp.Run(ctx, func(ctx context.Context, tab *chromedp.Target) (network.GetCookiesResult, error) {
		return cdp.Call(ctx, tab, network.GetCookies, network.GetCookiesParams{})
	})
	if err != nil {
		t.Fatal(err)
	}
	return got.Cookies
}

func setCookie(name, value, url string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: url})
		return err
	})
}

// screenshot keeps what the page looks like now.
func screenshot(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	image, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	dir := os.Getenv("PARLEY_SCREENSHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), image, 0o600); err != nil {
		t.Fatal(err)
	}
	if len(image) < 5000 {
		t.Errorf("the screenshot %s is nearly empty: %d bytes", name, len(image))
	}
}
