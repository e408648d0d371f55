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

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/web"
)

// checkedSource signs in its headers; what comes without may have 100 bytes.
type checkedSource struct{ fakeSource }

func (checkedSource) Precheck(h http.Header, _ time.Time) (int64, error) {
	switch h.Get("X-Signed") {
	case "yes":
		return 0, nil
	case "":
		return 100, nil
	}
	return 0, failure.New(failure.Unauthorized, "bad_signature", "the signature does not fit", nil)
}

// What its headers condemn is answered without waiting for a body that never
// comes, and its connection ends.
func TestRefusedByItsHeaders(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *web.Options) { o.Receivers["slack"] = checkedSource{fakeSource{"slack"}} })
	url, _ := b.serve(t)
	for _, tt := range []struct {
		name, request, status, code string
	}{
		{"badly signed", "POST /webhooks/slack HTTP/1.1\r\nHost: h\r\nX-Signed: no\r\nContent-Length: 500\r\n\r\n", "401", "bad_signature"},
		{"badly signed, chunked", "POST /webhooks/slack HTTP/1.1\r\nHost: h\r\nX-Signed: no\r\nTransfer-Encoding: chunked\r\n\r\n", "401", "bad_signature"},
		{"unsigned and long", "POST /webhooks/slack HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n", "401", "unsigned"},
		{"unsigned and long, chunked", "POST /webhooks/slack HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n66\r\n" + strings.Repeat("x", 0x66) + "\r\n", "401", "unsigned"},
		{"too long", "POST /webhooks/slack HTTP/1.1\r\nHost: h\r\nX-Signed: yes\r\nContent-Length: 9999999\r\n\r\n", "413", "body_too_large"},
		{"wrong method", "PUT /webhooks/slack HTTP/1.1\r\nHost: h\r\nX-Signed: yes\r\nContent-Length: 500\r\n\r\n", "405", "method_not_allowed"},
		{"no such address", "POST /webhooks/none HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\n", "404", "not_found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			resp, body, err := raw(t, url, tt.request)
			if err != nil || fmt.Sprint(resp.StatusCode) != tt.status || !strings.Contains(body, `"code":"`+tt.code+`"`) {
				t.Fatalf("%v %s %v, want %s %s", resp, body, err, tt.status, tt.code)
			}
			if !resp.Close {
				t.Error("the connection goes on in the middle of a body")
			}
			if took := time.Since(begun); took > 4*time.Second {
				t.Errorf("answered after %s: the rest of the body was waited for", took)
			}
		})
	}
	t.Run("unsigned and short", func(t *testing.T) { // is read, and only then refused
		t.Parallel()
		resp, body, err := raw(t, url, "POST /webhooks/slack HTTP/1.1\r\nHost: localhost\r\nContent-Length: "+fmt.Sprint(len(event))+"\r\n\r\n"+event)
		if err != nil || resp.StatusCode != http.StatusUnauthorized || resp.Close || !strings.Contains(body, "bad_signature") {
			t.Errorf("%v %s %v", resp, body, err)
		}
	})
}

// begin opens a webhook whose body never ends, and sends so much of it.
func begin(t *testing.T, url string, sent int) *bufio.Reader {
	t.Helper()
	return beginAt(t, url, "/webhooks/slack HTTP/1.1\r\nX-Signed: yes", sent)
}

func beginAt(t *testing.T, url, path string, sent int) *bufio.Reader {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, "POST "+path+"\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n"+strings.Repeat("x", sent)); err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(conn)
}

func wantCrowded(t *testing.T, from *bufio.Reader) {
	t.Helper()
	resp, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !resp.Close {
		t.Errorf("%d %v; want 503, when to come back, and the end of the connection", resp.StatusCode, resp.Header)
	}
}

// Bodies that are not verified take so much memory together and no more: who
// comes in beyond it is told to come back, until the slowest give way. What
// leaves gives its memory back.
func TestUnverifiedBodies(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *web.Options) { o.Unverified = 100 << 10 })
	url, _ := b.serve(t)
	// 40 KB are held in 64 KiB, and the 16 KiB of a second leave no room for a third.
	slow := begin(t, url, 40<<10)
	b.wantHeld(t, 64<<10)
	begin(t, url, 1)
	b.wantHeld(t, 80<<10)
	wantCrowded(t, begin(t, url, 17<<10))
	b.wantHeld(t, 80<<10)
	// A body that has been coming for a second gives way to another.
	for try := time.Now(); ; {
		resp, body, err := raw(t, url, "POST /webhooks/slack HTTP/1.1\r\nHost: h\r\nX-Signed: yes\r\nContent-Length: "+
			fmt.Sprint(len(event)+40<<10)+"\r\n\r\n"+event+strings.Repeat(" ", 40<<10))
		if err == nil && resp.StatusCode == http.StatusOK {
			break
		}
		if time.Since(try) > patience {
			t.Fatalf("%v %s %v: nobody gave way", resp, body, err)
		}
	}
	wantCrowded(t, slow)
}

// Who has shown a token may take their time, and gives way to no stranger.
func TestAdmittedBodiesKeepTheirMemory(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *web.Options) { o.Unverified, o.BodyTimeout = 100<<10, 2500*time.Millisecond })
	url, _ := b.serve(t)
	known := beginAt(t, url, "/webhooks/generic HTTP/1.1\r\nAuthorization: Bearer generic-token", 40<<10)
	b.wantHeld(t, 64<<10)
	<-time.After(1200 * time.Millisecond) // by then a stranger's body would give way
	wantCrowded(t, begin(t, url, 40<<10))
	resp, err := http.ReadResponse(known, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestTimeout {
		t.Errorf("%d; want it to have had all its time", resp.StatusCode)
	}
}

// wantHeld waits until bodies hold so many bytes.
func (b *bench) wantHeld(t *testing.T, want int64) {
	t.Helper()
	late := time.After(patience)
	for b.UnverifiedBytes() != want {
		select {
		case <-time.After(time.Millisecond):
		case <-late:
			t.Fatalf("%d bytes are held, want %d", b.UnverifiedBytes(), want)
		}
	}
}

// Who is refused by the pages or the API is answered without waiting for a body.
func TestPagesRefuseBeforeTheBody(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *web.Options) {
		o.Admin = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Signed") == "" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusTeapot)
		})
	})
	url, _ := b.serve(t)
	resp, _, err := raw(t, url, "POST /api/v1/conversations/import HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\n")
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !resp.Close {
		t.Errorf("%v %v", resp, err)
	}
	resp, _, err = raw(t, url, "POST /api/v1/conversations/import HTTP/1.1\r\nHost: h\r\nX-Signed: yes\r\nContent-Length: 2\r\n\r\n{}")
	if err != nil || resp.StatusCode != http.StatusTeapot || resp.Close {
		t.Errorf("%v %v", resp, err)
	}
}
