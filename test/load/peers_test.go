package load_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

const (
	slackSecret = "8f742231b10e8888abcd99yyyzzz85a5"
	slackToken  = "xoxb-load"
)

// BenchmarkPeers sends direct messages of Slack over 64 connections to Parley,
// to Slack's own framework and to a chat SDK, one after the other, each with
// its whole pipeline on and beside the same fake Slack, until every reply is
// there. Each takes messages for about as long. PARLEY_PEERS names the folder
// peers with its packages installed: make peers. PARLEY_PEERS_MESSAGES is how
// many Parley is sent, to see more than a burst. Neither peer keeps anything
// that a crash would not take.
func BenchmarkPeers(b *testing.B) {
	dir := os.Getenv("PARLEY_PEERS")
	if dir == "" {
		b.Skip("PARLEY_PEERS is not set: make peers")
	}
	messages := 24_000
	if text := os.Getenv("PARLEY_PEERS_MESSAGES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		messages = n
	}
	for b.Loop() {
		parley := slackRun(b, messages, func(api string) string {
			addr := startApp(b, false, "", func(c *config.Config) {
				c.Gateway.Busy = "queue" // a reply to each message, as the peers do
				c.Platforms.Slack.SigningSecret, c.Platforms.Slack.BotToken = slackSecret, slackToken
				c.Platforms.Slack.APIURL = config.URL(api)
			})
			return "http://" + addr + "/webhooks/slack"
		})
		bolt := slackRun(b, 1500, func(api string) string { return startPeer(b, dir, "bolt.mjs", api).url })
		chat := slackRun(b, 1000, func(api string) string { return startPeer(b, dir, "chat.mjs", api).url })
		for name, r := range map[string]peerResult{"parley": parley, "bolt": bolt, "chat": chat} {
			b.ReportMetric(r.perSecond, name+"-accepted/s")
			b.ReportMetric(float64(r.p99.Microseconds())/1000, name+"-p99-ms")
			b.ReportMetric(r.replies, name+"-replies/s")
		}
		b.ReportMetric(parley.perSecond/bolt.perSecond, "times-bolt")
		b.ReportMetric(parley.perSecond/chat.perSecond, "times-chat")
	}
	b.ReportMetric(0, "ns/op")
}

type peerResult struct {
	result
	replies float64 // per second, until the last one was there
}

// slackRun sends n messages to the program that start starts for a fake Slack.
func slackRun(b *testing.B, n int, start func(api string) string) peerResult {
	b.Helper()
	slack := fakeslack.New(b, fakeslack.Options{Token: slackToken})
	slack.Grant("chat:write", "im:history", "users:read") // the chat SDK looks up everybody who writes
	target, err := url.Parse(start(slack.APIURL()))
	if err != nil {
		b.Fatal(err)
	}
	requests := make([][]byte, n) // made before, so that they cost the program nothing
	for i := range requests {
		requests[i] = slackRequest(target, i)
	}
	begin := time.Now()
	r := hammer(b, target.Host, 64, n, func(i int64) []byte { return requests[i-1] }, readWhole)
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	defer cancel()
	if _, err := slack.WaitMessages(ctx, n); err != nil {
		b.Fatalf("%d of %d replies: %v", len(slack.Messages()), n, err)
	}
	return peerResult{r, float64(n) / time.Since(begin).Seconds()}
}

// slackChats is how many chats write: so many that none gets two replies within
// the second for which Slack allows one, which Parley alone would wait for.
const slackChats = 10_000

func slackRequest(target *url.URL, i int) []byte {
	chat := i % slackChats
	body := fakeslack.MessageEvent(fakeslack.Event{
		EventID: fmt.Sprintf("Ev%08d", i), ChannelType: "im", Channel: fmt.Sprintf("D%05d", chat), User: fmt.Sprintf("U%05d", chat),
		Text: "how are you today, and what is the plan?", TS: fmt.Sprintf("1700000%03d.%06d", i/1000000, i%1000000),
	})
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", target.Path, target.Host, len(body))
	_ = fakeslack.SignedHeader(slackSecret, time.Now(), body).Write(&raw)
	raw.WriteString("\r\n")
	raw.Write(body)
	return raw.Bytes()
}

// readWhole reads any answer, which must be a 200.
func readWhole(answers *bufio.Reader) error {
	resp, err := http.ReadResponse(answers, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("answered %s: %s", resp.Status, text)
	}
	return err
}

// startPeer starts one of the peers.
func startPeer(b *testing.B, dir, script, api string) *process {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), "node", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SLACK_API_URL="+api, "SLACK_BOT_TOKEN="+slackToken, "SLACK_SIGNING_SECRET="+slackSecret)
	return startProcess(b, cmd, func(line string) (string, bool) { return strings.CutPrefix(line, "listening ") })
}
