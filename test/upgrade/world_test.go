package upgrade_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakecallback"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

const (
	adminToken    = "token-of-the-upgrade-test"
	genericSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	slackSecret   = "8f742231b10e8888abcd99yyyzzz85a5"
	slackToken    = "xoxb-test"
	patience      = 90 * time.Second
)

// side is one of two equal worlds: a database and what surrounds the gateway.
// One is left to the version before, the other is taken over by this one.
type side struct {
	t     *testing.T
	name  string
	dir   string
	env   []string
	model *fakeopenai.Server
	slack *fakeslack.Server
	said  int // events sent so far; their ids are the same on both sides
}

func newSide(t *testing.T, name string, environ []string) *side {
	t.Helper()
	model, err := fakeopenai.Start()
	must(t, err)
	t.Cleanup(model.Close)
	model.SetReply(func(c fakeopenai.Call) string { return fmt.Sprintf("I was given %d messages.", len(c.Messages)) })
	s := &side{t: t, name: name, dir: t.TempDir(), model: model, slack: fakeslack.New(t, fakeslack.Options{Token: slackToken})}
	s.env = append(clean(),
		"PARLEY_LISTEN=127.0.0.1:0", "PARLEY_ADMIN_TOKEN="+adminToken, "CONVERSATION_DATA_DIR="+filepath.Join(s.dir, "data"),
		"GENERIC_WEBHOOK_SECRET="+genericSecret, "SLACK_SIGNING_SECRET="+slackSecret, "SLACK_BOT_TOKEN="+slackToken, "SLACK_API_URL="+s.slack.APIURL(),
		"OPENAI_BASE_URL="+model.URL(), "OPENAI_API_KEY=sk-x", "PARLEY_AI__STREAM=false",
		`PARLEY_AI__MODELS=["gpt-4o-mini","gpt-4o"]`, `PARLEY_AI__PERSONAS={"pirate":"Talk like a pirate."}`,
	)
	s.env = append(s.env, environ...)
	return s
}

// gateway is a running serve.
type gateway struct {
	*side
	cmd  *exec.Cmd
	url  string
	once sync.Once
	logs bytes.Buffer
	read chan struct{} // closed when the logs have ended
}

// serve starts the gateway of a version.
func (s *side) serve(bin, scope string) *gateway {
	s.t.Helper()
	g := &gateway{side: s, cmd: command(s.dir, bin, "serve", "--log-format", "json"), read: make(chan struct{})}
	g.cmd.Env = append(s.env, "PARLEY_AI__CONVERSATION_PERSISTENCE__SCOPE="+scope)
	out, err := g.cmd.StderrPipe()
	must(s.t, err)
	must(s.t, g.cmd.Start())
	s.t.Cleanup(g.kill)
	lines := bufio.NewScanner(io.TeeReader(out, &g.logs))
	for g.url == "" && lines.Scan() {
		var entry struct{ Msg, Listen string }
		if json.Unmarshal(lines.Bytes(), &entry) == nil && entry.Msg == "ready" {
			g.url = "http://" + entry.Listen
		}
	}
	if g.url == "" {
		s.t.Fatalf("%s: %s does not start:\n%s", s.name, bin, g.logs.String())
	}
	go func() {
		defer close(g.read)
		_, _ = io.Copy(&g.logs, out)
	}()
	return g
}

// kill is kill -9. It may be called twice.
func (g *gateway) kill() { g.end(syscall.SIGKILL) }

// stop ends the gateway in an orderly way.
func (g *gateway) stop() { g.end(syscall.SIGTERM) }

func (g *gateway) end(with syscall.Signal) {
	g.once.Do(func() {
		_ = g.cmd.Process.Signal(with)
		if g.url != "" {
			<-g.read
		}
		_ = g.cmd.Wait()
	})
}

// run runs one command of a version and returns all that it says.
func (s *side) run(bin string, args ...string) (said string, code int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, bin, args...)
	c.Dir, c.Env = s.dir, s.env
	out, err := c.CombinedOutput()
	if c.ProcessState == nil {
		s.t.Fatalf("%s: %v: %v", s.name, args, err)
	}
	return string(out), c.ProcessState.ExitCode()
}

// say sends one line of the story and returns its answer.
func (g *gateway) say(l line) string {
	g.t.Helper()
	if l.platform() == "slack" {
		shown := len(g.slack.Messages())
		g.send(l)
		ctx, cancel := context.WithTimeout(g.t.Context(), patience)
		defer cancel()
		messages, err := g.slack.WaitMessages(ctx, shown+1)
		if err != nil {
			g.t.Fatalf("%s: no answer to %q: %v\n%s", g.name, l.text, err, g.logs.String())
		}
		return messages[shown].Text
	}
	body := g.send(l, "Prefer", "wait=60")
	var answer struct {
		Reply *struct{ Text string }
		Error *struct{ Code, Message string }
	}
	switch err := json.Unmarshal(body, &answer); {
	case err == nil && answer.Reply != nil:
		return answer.Reply.Text
	case err == nil && answer.Error != nil:
		return answer.Error.Code + ": " + answer.Error.Message
	}
	g.t.Fatalf("%s: no answer to %q: %s\n%s", g.name, l.text, body, g.logs.String())
	return ""
}

// send posts one line of the story.
func (g *gateway) send(l line, header ...string) []byte {
	g.t.Helper()
	g.said++
	req := g.generic(l)
	if l.platform() == "slack" {
		req = g.slackEvent(l)
	}
	if len(header) > 0 {
		req.Header.Set(header[0], header[1])
	}
	return g.do(req)
}

func (g *gateway) generic(l line) *http.Request {
	g.t.Helper()
	body, err := json.Marshal(map[string]string{
		"sender_id": l.sender, "sender_name": strings.ToUpper(l.sender), "text": l.text,
		"chat_type": l.chatType(), "chat_id": l.chat(), "thread_id": l.thread(),
	})
	must(g.t, err)
	req, err := fakecallback.SignedRequest(g.t.Context(), genericSecret, fmt.Sprintf("evt-%d", g.said), time.Now(), g.url+"/webhooks/generic", body)
	must(g.t, err)
	return req
}

func (g *gateway) slackEvent(l line) *http.Request {
	g.t.Helper()
	e := fakeslack.Event{User: l.sender, Text: l.text, TS: fmt.Sprintf("17000%05d.000100", g.said), ThreadTS: l.thread(), Channel: l.chat()}
	var body []byte
	if l.chatType() == "private" {
		e.ChannelType = "im"
		body = fakeslack.MessageEvent(e)
	} else {
		e.Text = fakeslack.Mention("") + " " + e.Text
		body = fakeslack.MentionEvent(e)
	}
	req, err := fakeslack.SignedRequest(g.t.Context(), g.url+"/webhooks/slack", slackSecret, time.Now(), body)
	must(g.t, err)
	return req
}

// get asks the API as an admin.
func (g *gateway) get(path string) []byte {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodGet, g.url+path, http.NoBody)
	must(g.t, err)
	req.Header.Set("Authorization", "Bearer "+adminToken)
	return g.do(req)
}

func (g *gateway) do(req *http.Request) []byte {
	g.t.Helper()
	resp, err := (&http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		g.t.Fatalf("%s: %v\n%s", g.name, err, g.logs.String())
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(g.t, err)
	if resp.StatusCode >= http.StatusBadRequest {
		g.t.Fatalf("%s: %s %s: %s %s", g.name, req.Method, req.URL, resp.Status, body)
	}
	return body
}

// settled waits until nothing is open any more.
func (g *gateway) settled() {
	g.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		open := 0
		for _, state := range []string{"received", "running", "failed"} {
			var list struct{ Items []json.RawMessage }
			must(g.t, json.Unmarshal(g.get("/api/v1/events?status="+state), &list))
			open += len(list.Items)
		}
		if open == 0 {
			return
		}
		if time.Now().After(deadline) {
			g.t.Fatalf("%s: %d events stay open\n%s", g.name, open, g.logs.String())
		}
		select {
		case <-g.t.Context().Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}
