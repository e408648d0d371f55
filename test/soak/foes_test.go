package soak_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakecallback"
)

// foe is one kind of unfriendly traffic. act does it once; of it so many do so
// at the same time, each with a rest after every act.
type foe struct {
	name  string
	many  int
	rest  time.Duration
	act   func(ctx context.Context, p *program) error
	acts  atomic.Int64
	wrong atomic.Int64          // acts that ended in an error
	cause atomic.Pointer[error] // of the last of those
}

func foes() []*foe {
	megabyte := bytes.Repeat([]byte("x"), 1<<20)
	return []*foe{
		{name: "unsigned floods of 1 MiB", many: 40, rest: time.Second, act: func(ctx context.Context, p *program) error {
			return shout(ctx, p, "Content-Length: 1048576\r\n\r\n", megabyte)
		}},
		{name: "forged floods of 1 MiB", many: 20, rest: time.Second, act: func(ctx context.Context, p *program) error {
			return shout(ctx, p, forged()+"Content-Length: 1048576\r\n\r\n", megabyte)
		}},
		{name: "idle connections", many: 1200, rest: time.Second, act: func(ctx context.Context, p *program) error {
			return linger(ctx, p, "", nil, 30*time.Second)
		}},
		{name: "slow headers", many: 300, rest: time.Second, act: func(ctx context.Context, p *program) error {
			return linger(ctx, p, "POST /webhooks/generic/friend HTTP/1.1\r\nX-Slow: ", nil, 30*time.Second)
		}},
		{name: "slow bodies", many: 300, rest: 3 * time.Second, act: func(ctx context.Context, p *program) error {
			return linger(ctx, p, "POST /webhooks/generic/friend HTTP/1.1\r\nHost: h\r\n"+forged()+"Content-Length: 1048576\r\n\r\n", megabyte[:1<<18], 30*time.Second)
		}},
		{name: "downloads that nobody reads", many: 8, rest: 2 * time.Second, act: func(ctx context.Context, p *program) error {
			return linger(ctx, p, "GET /api/v1/conversations/1/export HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "+adminToken+"\r\n\r\n", nil, 20*time.Second)
		}},
		{name: "/history 100 on the worst data", many: 2, rest: time.Second, act: command("/history 100")},
		{name: "/export of the worst data", many: 2, rest: 2 * time.Second, act: command("/export")},
		{name: "answers of 4 MB", many: 1, rest: 3 * time.Second, act: command("say much")},
		{name: "imports of tiny messages", many: 1, rest: 4 * time.Second, act: imports("tiny", 20_000, 1, "{}")},
		{name: "imports of big metadata", many: 1, rest: 4 * time.Second, act: imports("meta", 40, 1, `{"k":"`+strings.Repeat("m", 50_000)+`"}`)},
	}
}

// run acts until ctx ends.
func (f *foe) run(ctx context.Context, p *program) {
	for ctx.Err() == nil {
		if err := f.act(ctx, p); err != nil && ctx.Err() == nil {
			f.wrong.Add(1)
			f.cause.Store(&err)
		}
		f.acts.Add(1)
		pause(ctx, f.rest)
	}
}

// forged are the headers of a signature that nobody has made.
func forged() string {
	return fmt.Sprintf("webhook-id: forged\r\nwebhook-timestamp: %d\r\nwebhook-signature: v1,%s\r\n", time.Now().Unix(), strings.Repeat("A", 44))
}

// connect opens a connection that is closed when ctx ends.
func connect(ctx context.Context, p *program) (net.Conn, func(), error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		return nil, nil, err
	}
	release := context.AfterFunc(ctx, func() { _ = c.Close() })
	return c, func() { release(); _ = c.Close() }, nil
}

// shout posts a webhook and reads what comes back.
func shout(ctx context.Context, p *program, head string, body []byte) error {
	c, leave, err := connect(ctx, p)
	if err != nil {
		return err
	}
	defer leave()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		if _, err := io.WriteString(c, "POST /webhooks/generic/friend HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"+head); err == nil {
			_, _ = c.Write(body)
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err == nil {
		_ = resp.Body.Close()
	}
	leave()
	<-sent
	if err == nil && resp.StatusCode < 400 {
		return fmt.Errorf("taken: %d", resp.StatusCode)
	}
	return nil
}

// linger says something, and then one byte a second, reading one as well, until
// it is thrown out or d is over.
func linger(ctx context.Context, p *program, begin string, body []byte, d time.Duration) error {
	c, leave, err := connect(ctx, p)
	if err != nil {
		return err
	}
	defer leave()
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4096)
	}
	_ = c.SetDeadline(time.Now().Add(d))
	if _, err := io.WriteString(c, begin); err != nil {
		return nil
	}
	if _, err := c.Write(body); err != nil {
		return nil
	}
	for end := time.Now().Add(d); time.Now().Before(end) && ctx.Err() == nil; {
		if begin == "" || strings.HasPrefix(begin, "GET") {
			if _, err := c.Read(make([]byte, 1)); err != nil {
				return nil
			}
		} else if _, err := io.WriteString(c, "x"); err != nil {
			return nil
		}
		pause(ctx, time.Second)
	}
	return nil
}

var commandNo atomic.Int64

// command sends a text to the conversation with the worst data, and waits for
// the answer.
func command(text string) func(ctx context.Context, p *program) error {
	return func(ctx context.Context, p *program) error {
		id := fmt.Sprint("worst-", commandNo.Add(1))
		body, _ := json.Marshal(map[string]string{"sender_id": "worst", "text": text})
		req, err := fakecallback.SignedRequest(ctx, worstSecret, id, time.Now(), p.url+"/webhooks/generic/worst", body)
		if err != nil {
			return err
		}
		req.Header.Set("Prefer", "wait=20")
		return do(req, http.StatusOK)
	}
}

// imports replaces one conversation by so many messages of so many characters.
func imports(who string, messages, length int, metadata string) func(ctx context.Context, p *program) error {
	file := conversation(who, messages, length, metadata)
	return func(ctx context.Context, p *program) error {
		return importFile(ctx, p, file)
	}
}

func conversation(who string, messages, length int, metadata string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"conversation":{"user_key":"worst:private:%s","platform":"worst","chat_id":%q},"messages":[`, who, who)
	for i := range messages {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"role":%q,"content":%q,"timestamp":"2026-01-01T00:00:00Z","metadata":%s}`,
			[]string{"user", "assistant"}[i%2], strings.Repeat("w", length), metadata)
	}
	b.WriteString("]}")
	return b.Bytes()
}

func importFile(ctx context.Context, p *program, file []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/api/v1/conversations/import?mode=replace", bytes.NewReader(file))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	return do(req, http.StatusCreated)
}

func do(req *http.Request, want int) error {
	resp, err := (&http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode != want {
		err = fmt.Errorf("%d %.300s", resp.StatusCode, said)
	}
	return err
}
