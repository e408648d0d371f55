package socket_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/socket"
)

// platform is one whose messages are texts of one chat, said at the time that
// their first letter stands for.
type platform struct{ url string }

func (p *platform) Connect(ctx context.Context) (*socket.Conn, socket.Session, error) {
	conn, err := socket.Dial(ctx, p.url, func(resp *http.Response) error { return errors.New(resp.Status) })
	if conn != nil {
		conn.Delivers = true
	}
	return conn, p, err
}

func (p *platform) Ping() (m socket.Message, every time.Duration) { return m, time.Minute }

func (p *platform) Read(_ context.Context, message []byte) (socket.Frame, error) {
	text := string(message)
	if text == "over" {
		return socket.Frame{Over: true}, nil
	}
	e := platforms.Event{ChatID: "chat", Text: text, SentAt: time.Unix(1_000_000+int64(text[0]), 0)}
	return socket.Frame{In: &platforms.Inbound{Events: []platforms.Event{e}}}, nil
}

// stored runs a link of two connections, each of which is served by serve, and
// returns the first texts that it stores.
func stored(t *testing.T, n int, serve func(no int32, ws *websocket.Conn)) (texts string) {
	t.Helper()
	var opened atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		serve(opened.Add(1), ws)
		for err == nil {
			_, _, err = ws.ReadMessage()
		}
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	link := socket.New(&platform{url: "ws" + strings.TrimPrefix(server.URL, "http")}, 2, slog.New(slog.DiscardHandler))
	in := make(chan string, n)
	ended := make(chan error, 1)
	go func() {
		ended <- link.Run(ctx, func(_ context.Context, what platforms.Inbound) error {
			in <- what.Events[0].Text
			return nil
		})
	}()
	for range n {
		select {
		case text := <-in:
			texts += text + " "
		case <-ctx.Done():
			t.Error("not all came")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return texts
}

func say(ws *websocket.Conn, text string) {
	_ = ws.WriteMessage(websocket.TextMessage, []byte(text))
}

// onPing does something before the ping of a number is answered.
func onPing(ws *websocket.Conn, number string, do func()) {
	pong := ws.PingHandler()
	ws.SetPingHandler(func(data string) error {
		if data == number {
			do()
		}
		return pong(data)
	})
}

// What was said first is stored first, though the other connection is the slower
// one: it is asked how far it has come, and what it had sent before it answers
// comes before.
func TestSlowerConnectionIsWaitedFor(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	got := stored(t, 2, func(no int32, ws *websocket.Conn) {
		if no == 1 { // is asked when it is new, and again when the other has brought something
			onPing(ws, "1", func() { close(asked) })
			onPing(ws, "2", func() { say(ws, "a") })
			return
		}
		<-asked
		say(ws, "b")
	})
	if got != "a b " {
		t.Errorf("stored %q, want a before b", got)
	}
}

// A connection that the platform wants replaced is read on until its end.
func TestConnectionIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	got := stored(t, 3, func(no int32, ws *websocket.Conn) {
		switch no {
		case 1:
			first, last := sync.OnceFunc(func() { close(asked) }), sync.OnceFunc(func() { say(ws, "a") })
			onPing(ws, "1", first)
			onPing(ws, "2", last)
			ws.SetCloseHandler(func(int, string) error { // if the other connection was not there yet
				last()
				first()
				return nil
			})
			say(ws, "0") // waits for the other connection, and so the end does
			say(ws, "over")
		case 2: // answers nothing before
			<-asked
			say(ws, "b")
		}
	})
	if got != "0 a b " {
		t.Errorf("stored %q, want what the ending connection had first", got)
	}
}
