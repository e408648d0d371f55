package mcp_test

import (
	"bufio"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/mcp"
	"github.com/parley-bot/parley/ai/pins"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// program is the server as a program.
func program(t *testing.T) mcp.Server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return mcp.Server{Command: []string{self}, Env: []string{serves + "=stdio", "TOKEN=very secret"}}
}

// apart is the server over HTTP as a program of its own.
func apart(t *testing.T, how string) mcp.Server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), self)
	command.Env = []string{serves + "=" + how}
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = in.Close(), command.Wait() })
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return mcp.Server{URL: strings.TrimSpace(url)}
}

// address is the server over HTTP, of the newest protocol and of the one before.
func address(t *testing.T, stateless bool) mcp.Server {
	t.Helper()
	over := make(chan struct{})
	server := newServer(over)
	handler := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, &sdk.StreamableHTTPOptions{Stateless: stateless})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer key" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { close(over); web.CloseClientConnections(); web.Close() })
	return mcp.Server{URL: web.URL, Headers: map[string]string{"Authorization": "Bearer key"}}
}

type fixture struct {
	*testing.T

	servers *mcp.Servers
	book    pins.Book
}

func start(t *testing.T, server mcp.Server) *fixture {
	t.Helper()
	f := &fixture{T: t, book: pins.Book{DB: dbtest.New(t)}}
	f.servers = mcp.New(mcp.Options{
		Servers: map[string]mcp.Server{"test": server}, Pins: f.book, Version: "test",
		Logger: slog.New(slog.DiscardHandler),
	})
	f.servers.Start(t.Context())
	t.Cleanup(f.servers.Stop)
	return f
}

func (f *fixture) tool(name string) (ai.Tool, bool) {
	tools := f.servers.Tools(f.Context())
	if i := slices.IndexFunc(tools, func(t ai.Tool) bool { return t.Name == "test_"+name }); i >= 0 {
		return tools[i], true
	}
	return ai.Tool{}, false
}

func (f *fixture) call(name, arguments string) (string, error) {
	f.Helper()
	tool, ok := f.tool(name)
	if !ok {
		f.Fatalf("there is no tool %s", name)
	}
	ctx, cancel := context.WithTimeout(f.Context(), time.Minute)
	if name == "hang" {
		ctx, cancel = context.WithTimeout(f.Context(), 100*time.Millisecond)
	}
	defer cancel()
	result, err := tool.Run(ctx, "key-1", arguments)
	return result.Text, err
}

// each runs a test over every way to reach a server.
func each(t *testing.T, change func(*mcp.Server), test func(f *fixture)) {
	t.Helper()
	for name, server := range map[string]func(*testing.T) mcp.Server{
		"program": program,
		"http":    func(t *testing.T) mcp.Server { t.Helper(); return address(t, true) },
		"session": func(t *testing.T) mcp.Server { t.Helper(); return address(t, false) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := server(t)
			if change != nil {
				change(&s)
			}
			test(start(t, s))
		})
	}
}

// anything is whatever else a server says that may not ask a person.
const anything = "*"

func TestCalls(t *testing.T) {
	t.Parallel()
	each(t, func(s *mcp.Server) { s.Idempotent = []string{"ke*"} }, func(f *fixture) {
		for _, tt := range []struct{ tool, arguments, text, problem string }{
			{"echo", `{"text": "hello"}`, "hello", ""},
			{"echo", ``, "", "text"}, // which is required
			{"echo", `[]`, "", "no JSON object"},
			{"echo", `{"text": 1}`, "", "text"},
			{"key", `null`, "key-1", ""},
			{"fail", `{}`, "", "the disk is full"},
			{"password", `{}`, "", anything},
			{"later", `{}`, "", anything},
		} {
			text, err := f.call(tt.tool, tt.arguments)
			if (err != nil) != (tt.problem != "") || err != nil && tt.problem != anything && !strings.Contains(err.Error(), tt.problem) || text != tt.text {
				f.Errorf("%s %s: %.200q, %v; want %q, %q", tt.tool, tt.arguments, text, err, tt.text, tt.problem)
			}
		}
		if text, err := f.call("long", ""); err != nil || len(text) > 64<<10 || len(text) < 60<<10 {
			f.Errorf("a long answer: %d bytes, %v", len(text), err)
		}
	})
}

// A call that may not run again carries no key, by which it could.
func TestNoKeyWithoutLeave(t *testing.T) {
	t.Parallel()
	each(t, nil, func(f *fixture) {
		if text, err := f.call("key", ""); err != nil || text != "done; the tool says nothing more" {
			f.Errorf("%q, %v", text, err)
		}
	})
}

// Whatever a server does, a call ends with a word to the model, and the next works.
func TestMisbehaviour(t *testing.T) {
	t.Parallel()
	each(t, nil, func(f *fixture) {
		for _, tt := range []struct{ tool, problem string }{
			{"hang", "did not answer in time"},
			{"huge", "failed before it answered"},
			{"die", "failed before it answered"},
		} {
			if tt.tool == "die" && f.Name() != "TestMisbehaviour/program" {
				continue // it would end this test
			}
			_, err := f.call(tt.tool, "")
			if err == nil || !strings.Contains(err.Error(), tt.problem) {
				f.Errorf("%s: %v", tt.tool, err)
			}
			if text, err := f.call("echo", `{"text":"still there"}`); err != nil || text != "still there" {
				f.Errorf("after %s: %q, %v", tt.tool, text, err)
			}
		}
	})
}

// An answer of 40 MB is not read to its end. What is allocated is measured, so nothing
// runs beside this and each server is a program of its own.
func TestLargeAnswersAreNotHeld(t *testing.T) { //nolint:paralleltest // see above
	for name, server := range map[string]func(*testing.T) mcp.Server{
		"program": program,
		"http":    func(t *testing.T) mcp.Server { t.Helper(); return apart(t, "http") },
		"session": func(t *testing.T) mcp.Server { t.Helper(); return apart(t, "session") },
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, server(t))
			if text, err := f.call("echo", `{"text":"here"}`); err != nil || text != "here" {
				t.Fatalf("%q, %v", text, err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := f.call("huge", "")
			runtime.ReadMemStats(&after)
			if grown := (after.TotalAlloc - before.TotalAlloc) >> 20; err == nil || grown > 32 {
				t.Errorf("%d MB were allocated, %v", grown, err)
			}
		})
	}
}

// A server that fails at once is tried about once a second, however many calls wait.
func TestCallsDoNotHurryAServer(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		http.Error(w, "down", http.StatusServiceUnavailable)
	}))
	t.Cleanup(web.Close)
	servers := mcp.New(mcp.Options{
		Servers: map[string]mcp.Server{"files": {URL: web.URL}}, Pins: pinned{{Server: "files", Name: "read"}}, Logger: slog.New(slog.DiscardHandler),
	})
	servers.Start(t.Context())
	t.Cleanup(servers.Stop)
	tools := servers.Tools(t.Context())
	ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer cancel()
	var calls sync.WaitGroup
	for range 5 {
		calls.Go(func() {
			if _, err := tools[0].Run(ctx, "", "{}"); err == nil || !strings.Contains(err.Error(), "nothing was done") {
				t.Errorf("the call says %v", err)
			}
		})
	}
	calls.Wait()
	if n := requests.Load(); n < 2 || n > 20 {
		t.Errorf("%d requests", n)
	}
}

// A program has in its environment what the configuration says, and nothing else.
func TestEnvironment(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-secret")
	f := start(t, program(t))
	if text, err := f.call("env", ""); err != nil || text != serves+"=stdio\nTOKEN=very secret" {
		t.Errorf("%q, %v", text, err)
	}
}

// A tool that says another thing of itself is off until that is approved.
func TestChangedTool(t *testing.T) {
	t.Parallel()
	each(t, nil, func(f *fixture) {
		tool, _ := f.tool("change")
		if _, err := tool.Run(f.Context(), "", ""); err != nil {
			f.Fatal(err)
		}
		_, _ = f.call("hang", "") // after which the server is looked at again, if it has not told of the change
		for {
			changed := f.servers.Changed("test")
			if _, ok := f.tool("change"); !ok {
				break
			}
			select {
			case <-changed:
			case <-time.After(20 * time.Second):
				f.Fatal("the tool is still offered")
			}
		}
		if _, err := tool.Run(f.Context(), "", ""); err == nil || !strings.Contains(err.Error(), "until an administrator approves it") {
			f.Errorf("what was offered before: %v", err)
		}
		if _, err := f.book.Approve(f.Context(), "test.change"); err != nil {
			f.Fatal(err)
		}
		again, ok := f.tool("change")
		if !ok || again.Description != tool.Description+", again" {
			f.Errorf("approved: %v, %q", ok, again.Description)
		}
		if _, ok := f.tool("echo"); !ok {
			f.Error("another tool is off, too")
		}
	})
}
