package e2e_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/cli"
	"github.com/parley-bot/parley/internal/config"
)

// exampleServer builds the example of the protocol's own SDK that has everything.
func exampleServer(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "everything")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "github.com/modelcontextprotocol/go-sdk/examples/server/everything")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// served runs it over HTTP, and returns where.
func served(t *testing.T, program string) config.URL {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	server := exec.CommandContext(t.Context(), program, "-http", address)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	return config.URL("http://" + address)
}

// A tool that the configuration does not call read-only, whatever its server calls it,
// runs when who was asked says yes, and then once.
func TestToolsOfServersAsk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notes")
	server := config.MCPServer{Command: []string{deskProgram(t), path}}
	w := newWorld(t)
	s := w.start(t, whole, func(c *config.Config) { c.AI.Tools.MCP = map[string]config.MCPServer{"desk": server} })
	w.openai.Script(wants("desk_note", `{"text":"buy milk"}`))
	question := s.reply("ann", "note that I need milk")
	for _, part := range []string{"desk_note", "buy milk", "/approve", "/deny"} {
		if !strings.Contains(question, part) {
			t.Errorf("the question has no %q: %s", part, question)
		}
	}
	if got := noted(t, path); got != "" {
		t.Fatalf("before anybody said yes: %q", got)
	}
	if got := s.reply("bob", "/approve"); noted(t, path) != "" {
		t.Fatalf("another's yes counted: %s", got)
	}
	s.reply("ann", "/approve")
	calls := w.openai.Calls()
	if last := calls[len(calls)-1].Messages; !strings.Contains(fmt.Sprint(last), "noted") {
		t.Errorf("the model was told %+v", last)
	}
	s.reply("ann", "/approve")
	if got := noted(t, path); got != "buy milk\n" {
		t.Errorf("noted: %q", got)
	}
	for id, steps := range map[string][]string{
		"1": {"the model wants to use: desk_note", "asked whether a tool may be used"},
		"3": {"tool desk_note: approved", "tool desk_note: begun", "tool desk_note: done"},
	} {
		inOrder(t, w.cli(t, "events", "show", id), steps)
	}
	w.openai.Script(wants("desk_note", `{"text":"sell it"}`))
	s.reply("ann", "note that I sell it")
	s.reply("ann", "/deny")
	if got := noted(t, path); got != "buy milk\n" {
		t.Errorf("noted after a no: %q", got)
	}
}

// cli is what a command prints beside the server.
func (w *world) cli(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	streams := cli.Streams{In: strings.NewReader(""), Out: &out, Err: &out}
	if code := cli.Run(t.Context(), "test", streams, args, []string{"CONVERSATION_DATA_DIR=" + w.dir, "CONVERSATION_DB_URL=" + w.database}); code != 0 {
		t.Errorf("%q: exit code %d: %s", args, code, out.String())
	}
	return out.String()
}

// inOrder fails unless a text has a line that ends with each of these, one behind another.
func inOrder(t *testing.T, text string, ends []string) {
	t.Helper()
	left := ends
	for line := range strings.Lines(text) {
		if len(left) > 0 && strings.HasSuffix(strings.TrimSpace(line), left[0]) {
			left = left[1:]
		}
	}
	if len(left) > 0 {
		t.Errorf("there is no %q in\n%s", left, text)
	}
}

var asksForInput = regexp.MustCompile(`ex_elicit__form__[0-9a-f]{8}`)

// A model uses the tools of the SDK's example servers in a chat, over both
// transports. What a server wants of us in a call – a model, folders, a password –
// it does not get, and each message has its reply.
func TestToolsOfExampleServers(t *testing.T) {
	t.Parallel()
	program := exampleServer(t)
	for _, over := range []string{"stdio", "http"} {
		t.Run(over, func(t *testing.T) {
			t.Parallel()
			server := config.MCPServer{Command: []string{program}, ReadOnly: []string{"*"}}
			if over == "http" {
				server = config.MCPServer{URL: served(t, program), ReadOnly: []string{"*"}}
			}
			w := newWorld(t)
			s := w.start(t, whole, func(c *config.Config) { c.AI.Tools.MCP = map[string]config.MCPServer{"ex": server} })
			s.reply("ann", "hello")
			first := string(w.openai.Calls()[0].Body)
			asks := asksForInput.FindString(first)
			if asks == "" || !strings.Contains(first, `"name":"ex_greet"`) || strings.Contains(first, "Use this server!") {
				t.Fatalf("the tools are %s", first)
			}
			w.openai.Script(wants("ex_greet", `{"name":"Ann"}`, "ex_sample", `{}`, "ex_roots", `{}`, asks, `{}`, "ex_ping", `{}`))
			if got := s.reply("ann", "greet me"); got != "reply to: greet me" {
				t.Errorf("%q", got)
			}
			var results []string
			for _, m := range w.openai.Calls()[2].Messages {
				if m.Role == "tool" {
					results = append(results, m.Content)
				}
			}
			if len(results) != 5 || results[0] != "Hi Ann" || !strings.HasPrefix(results[1], "error: ") || !strings.HasPrefix(results[3], "error: ") {
				t.Errorf("the results are %q", results)
			}
			if a := s.admin(http.MethodGet, "tools"); !strings.Contains(a.body, `{"name":"ex.greet","state":"approved","description":"say hi"`) {
				t.Errorf("the API says %s", a.body)
			}
			if a := s.admin(http.MethodPost, "tools/ex.nothing/approve"); a.status != http.StatusNotFound {
				t.Errorf("approving what there is not: %d", a.status)
			}
			if a := s.admin(http.MethodPost, "tools/ex.greet/approve"); a.status != http.StatusOK {
				t.Errorf("approving what is approved: %d", a.status)
			}
		})
	}
}
