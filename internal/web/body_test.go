package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/web"
)

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *web.Options) { o.BodyLimit = 200 })
	url, _ := b.serve(t)
	fits := `{"id":"evt-1","sender_id":"alice","text":"` + strings.Repeat("x", 200-len(`{"id":"evt-1","sender_id":"alice","text":""}`)) + `"}`
	for _, tt := range []struct {
		name    string
		body    string
		chunked bool
		status  string
	}{
		{"at the limit", fits, false, "202"},
		{"at the limit, chunked", fits, true, "202"},
		{"one over", fits + " ", false, "413"},
		{"one over, chunked", fits + " ", true, "413"},
		{"much over", strings.Repeat("x", 1<<20), false, "413"},
		{"much over, chunked", strings.Repeat("x", 1<<20), true, "413"},
	} {
		for _, path := range []string{"/webhooks/generic", "/webhooks/slack", "/webhooks/feishu"} {
			var body io.Reader = strings.NewReader(tt.body)
			if tt.chunked {
				body = io.MultiReader(body) // hides the length
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+path, body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Signed", "yes")
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			answer, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			want := tt.status
			if want == "202" && path != "/webhooks/generic" {
				want = "200"
			}
			if got := fmt.Sprint(resp.StatusCode); got != want {
				t.Errorf("%s %s: status %s, want %s", tt.name, path, got, want)
			}
			if want == "413" && (!strings.Contains(string(answer), `"code":"body_too_large"`) || resp.Header.Get("X-Request-Id") == "") {
				t.Errorf("%s %s: body %s, header %v", tt.name, path, answer, resp.Header)
			}
		}
	}
}

// raw sends bytes over a connection of its own and returns the answer.
func raw(t *testing.T, url, request string) (*http.Response, string, error) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func TestLyingLength(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *web.Options) { o.BodyTimeout = 200 * time.Millisecond })
	url, _ := b.serve(t)
	head := "POST /webhooks/generic HTTP/1.1\r\nHost: localhost\r\nX-Signed: yes\r\nContent-Length: "
	t.Run("claims too much", func(t *testing.T) {
		t.Parallel()
		resp, body, err := raw(t, url, head+"99999999999\r\n\r\nabc")
		if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Fatalf("%v %s %v", resp, body, err)
		}
	})
	t.Run("body stops short", func(t *testing.T) {
		t.Parallel()
		resp, body, err := raw(t, url, head+"500\r\n\r\n"+event)
		if err != nil || resp.StatusCode != http.StatusRequestTimeout || !resp.Close {
			t.Fatalf("%v %s %v", resp, body, err)
		}
		wantJSON(t, body, `{"error":{"code":"body_timeout","message":"the body did not arrive in time"}}`)
	})
	t.Run("body longer than said", func(t *testing.T) {
		t.Parallel()
		resp, body, err := raw(t, url, head+fmt.Sprint(len(event))+"\r\n\r\n"+event+"  trailing nonsense")
		if err != nil || resp.StatusCode != http.StatusAccepted {
			t.Fatalf("%v %s %v", resp, body, err)
		}
	})
	t.Run("broken chunks", func(t *testing.T) {
		t.Parallel()
		resp, body, err := raw(t, url, "POST /webhooks/generic HTTP/1.1\r\nHost: localhost\r\nX-Signed: yes\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc")
		if err != nil || resp.StatusCode != http.StatusBadRequest {
			t.Fatalf("%v %s %v", resp, body, err)
		}
	})
	t.Run("slow body nobody reads", func(t *testing.T) {
		t.Parallel()
		resp, body, err := raw(t, url, "POST /nothing HTTP/1.1\r\nHost: localhost\r\nX-Signed: yes\r\nContent-Length: 500\r\n\r\nabc")
		if err != nil || resp.StatusCode != http.StatusNotFound {
			t.Fatalf("%v %s %v", resp, body, err)
		}
	})
}

func TestSlowHeaders(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *web.Options) { o.HeaderTimeout = 50 * time.Millisecond })
	url, _ := b.serve(t)
	if resp, _, err := raw(t, url, "POST /webhooks/generic HTTP/1.1\r\nHost: loc"); err == nil && resp.StatusCode < 400 {
		t.Errorf("answered %d to half a header", resp.StatusCode)
	}
}

// TestBodyTimeIsNotReplyTime: the time limit of the body must not end a wait.
func TestBodyTimeIsNotReplyTime(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *web.Options) { o.BodyTimeout = 20 * time.Millisecond })
	b.gateway.wait = forever
	url, _ := b.serve(t)
	resp, body, err := raw(t, url, "POST /webhooks/generic HTTP/1.1\r\nHost: localhost\r\nX-Signed: yes\r\nPrefer: wait=1\r\nContent-Length: "+fmt.Sprint(len(event))+"\r\n\r\n"+event)
	if err != nil || resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%v %s %v", resp, body, err)
	}
	wantJSON(t, body, receiptOfEvent)
}
