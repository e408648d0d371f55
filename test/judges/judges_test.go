package judges_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// client runs a script of this folder until the test ends and returns its lines.
// PARLEY_JUDGES names the folder with its packages installed: make judges.
func client(t *testing.T, script string, args ...string) <-chan string {
	t.Helper()
	dir := os.Getenv("PARLEY_JUDGES")
	if dir == "" {
		t.Skip("PARLEY_JUDGES is not set: make judges")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "node", append([]string{script}, args...)...)
	cmd.Dir, cmd.Stderr = dir, t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100)
	read := make(chan struct{})
	go func() {
		defer close(read)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-read
		_ = cmd.Wait() // killed
	})
	return lines
}

// heard waits for so many lines that are JSON and returns their texts.
func heard(t *testing.T, lines <-chan string, n int) map[string]int {
	t.Helper()
	texts := map[string]int{}
	limit := time.After(30 * time.Second)
	for len(texts) < n {
		select {
		case line := <-lines:
			var said struct{ Text string }
			if json.Unmarshal([]byte(line), &said) == nil {
				texts[said.Text]++
			} else {
				t.Log(line)
			}
		case <-limit:
			t.Fatalf("heard only %v", texts)
		}
	}
	return texts
}

func wait(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestSlacksOwnClient(t *testing.T) {
	fake := fakeslack.New(t, fakeslack.Options{})
	lines := client(t, "slack.mjs", fake.APIURL(), fakeslack.DefaultAppToken)
	wait(t, fake.Sockets.WaitOpened(patient(t), 1))
	fake.Sockets.Push("a", fakeslack.MessageEvent(fakeslack.Event{ChannelType: "im", Text: "an event"}))
	fake.Sockets.Push("b", fakeslack.SlashCommand(fakeslack.Command{Text: "a command"}))
	heard(t, lines, 2)
	wait(t, fake.Sockets.WaitAcknowledged(patient(t), 2))
	fake.Sockets.Disconnect(fakeslack.RefreshRequested)
	wait(t, fake.Sockets.WaitEver(patient(t), 2))
	fake.Sockets.Push("c", fakeslack.MessageEvent(fakeslack.Event{EventID: "Ev2", ChannelType: "im", Text: "after the refresh"}))
	heard(t, lines, 1)
	wait(t, fake.Sockets.WaitAcknowledged(patient(t), 3))
}

func TestLarksOwnClient(t *testing.T) {
	fake, err := fakefeishu.Start()
	wait(t, err)
	t.Cleanup(fake.Close)
	lines := client(t, "feishu.mjs", fake.URL(), "cli_0123456789abcdef", "secret")
	wait(t, fake.Sockets.WaitOpened(patient(t), 1))
	for i, pieces := range []int{1, 3} {
		fake.Sockets.Split(pieces)
		fake.Sockets.Push(fmt.Sprint("m", i), fakefeishu.MessageEvent(fakefeishu.Message{
			EventID: fmt.Sprint("e", i), AppID: "cli_0123456789abcdef", Text: fmt.Sprintf("in %d pieces", pieces),
		}))
	}
	heard(t, lines, 2)
	wait(t, fake.Sockets.WaitAcknowledged(patient(t), 2))
}

// What the fake answers to Parley's calls, Lark's own client reads as it does
// Feishu's answers.
func TestLarksOwnHTTPClient(t *testing.T) {
	fake, err := fakefeishu.Start()
	wait(t, err)
	t.Cleanup(fake.Close)
	fake.RequireApp("cli_0123456789abcdef", "secret")
	fake.Say(fakefeishu.Message{MessageID: "om_said", Text: "what was said"})
	fake.Recall("om_gone")
	want := []string{
		"create: shown", "create again: the same", "reply: in a thread", `read: {"text":"what was said"}`,
		"react: Typing", "reactions: 1 by app", "unreact: code 0", "file: shown",
		"card: interactive", "patch: code 0", "patch of a text: code 230001",
		"stream: interactive", "which card: that one", "grow: code 0", "grow late: code 300317", "grow elsewhere: code 300313",
		"settings: code 0", "grow closed: code 300309", "update: code 0",
		"too many elements: code 230099", "too many tables: code 230099", "take back: code 0", "gone: code 230011",
	}
	said := heard(t, client(t, "feishu-http.mjs", fake.URL(), "cli_0123456789abcdef", "secret"), len(want))
	for _, line := range want {
		if said[line] != 1 {
			t.Errorf("%q was not said: %v", line, said)
		}
	}
	if fake.Requests(fakefeishu.Token) != 1 {
		t.Errorf("%d tokens", fake.Requests(fakefeishu.Token))
	}
	var texts []string
	for _, m := range fake.Messages() {
		texts = append(texts, m.Type+" "+m.Text)
	}
	if got := strings.Join(texts, ", "); got != "post # two, file words, interactive patched, interactive whole" {
		t.Errorf("shown: %s", got)
	}
}
