package e2e_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/config"
)

// badName is what a link to this test binary is called to be a server of tools that
// misbehave.
const badName = "badtools"

// badTools is that server as a configuration has it.
func badTools(t *testing.T, over string) config.MCPServer {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), badName)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	if over == "stdio" {
		return config.MCPServer{Command: []string{path}, ReadOnly: []string{"*"}}
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	keepUp(t, path, address)
	return config.MCPServer{URL: config.URL("http://" + address), ReadOnly: []string{"*"}}
}

// keepUp runs a program again whenever it ends, as whoever runs a server does.
func keepUp(t *testing.T, program, address string) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for t.Context().Err() == nil {
			command := exec.CommandContext(t.Context(), program, address)
			command.Stderr = io.Discard
			_ = command.Run()
			pause(t.Context(), 10*time.Millisecond)
		}
	}()
	t.Cleanup(func() { <-ended })
}

// Whatever a server of tools does in a call, the message has its reply, and the next one
// finds the server as it should be. What it says of itself anew no model reads.
func TestBadServersOfTools(t *testing.T) {
	t.Parallel()
	for _, over := range []string{"stdio", "http"} {
		t.Run(over, func(t *testing.T) {
			t.Parallel()
			server := badTools(t, over)
			w := newWorld(t)
			s := w.start(t, whole, func(c *config.Config) {
				c.AI.Tools.MCP = map[string]config.MCPServer{"bad": server}
				c.AI.Tools.Timeout = 3 * time.Second
			})
			until(t, func() []string {
				s.reply("eve", fmt.Sprint("hello ", len(w.openai.Calls())))
				calls := w.openai.Calls()
				if strings.Contains(string(calls[len(calls)-1].Body), "bad_change") {
					return nil
				}
				return []string{"the tools are not there"}
			})
			for _, c := range []struct{ tool, told string }{
				{"hang", "error: "}, {"huge", "error: "}, {"die", "error: "}, {"password", "error: "}, {"change", "told"},
			} {
				w.openai.Script(wants("bad_"+c.tool, `{}`))
				if got := s.reply("ann", "use "+c.tool); got != "reply to: use "+c.tool {
					t.Errorf("%s: %q", c.tool, got)
				}
				calls := w.openai.Calls()
				last := calls[len(calls)-1].Messages
				if got := last[len(last)-1].Content; !strings.HasPrefix(got, c.told) || len(got) > 4096 {
					t.Errorf("of %s the model was told %.200q", c.tool, got)
				}
			}
			until(t, func() []string {
				if a := s.admin(http.MethodGet, "tools"); strings.Contains(a.body, `"name":"bad.change","state":"changed"`) {
					return nil
				}
				return []string{"the change is not seen"}
			})
			s.reply("ann", "what can you do?")
			calls := w.openai.Calls()
			if body := string(calls[len(calls)-1].Body); strings.Contains(body, "evil.example") || strings.Contains(body, `"name":"bad_change"`+`,"desc`) {
				t.Errorf("the tools are %s", body)
			}
			if a := s.admin(http.MethodPost, "tools/bad.change/approve"); a.status != http.StatusOK {
				t.Errorf("approve: %d %s", a.status, a.body)
			}
			s.reply("ann", "and now?")
			calls = w.openai.Calls()
			if body := string(calls[len(calls)-1].Body); !strings.Contains(body, "evil.example") {
				t.Errorf("once it is approved the tools are %s", body)
			}
		})
	}
}
