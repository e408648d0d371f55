package socket

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/parley-bot/parley/internal/failure"
)

const (
	handshakeTimeout = 15 * time.Second
	writeTimeout     = 10 * time.Second
	// maxMessage is the longest message that is read, in bytes.
	maxMessage = 4 << 20
	// writeBuffer is larger than any answer: Slack does not put together what
	// comes in several frames.
	writeBuffer = 32 << 10
)

// Conn is one open connection.
type Conn struct {
	// Delivers says that events come from the start; else a frame says from when.
	Delivers bool

	ws *websocket.Conn

	writing sync.Mutex    // held while a message is written
	probes  chan struct{} // somebody wants to know how far it has been read

	mu   sync.Mutex
	hung bool // nothing more is to be read

	progress
}

// Dial connects to url, through the proxy that the environment names. Where the
// other side refuses, refused makes an error of its answer.
func Dial(ctx context.Context, url string, refused func(*http.Response) error) (*Conn, error) {
	dialer := websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: handshakeTimeout, WriteBufferSize: writeBuffer}
	ws, resp, err := dialer.DialContext(ctx, url, nil)
	if resp != nil {
		defer resp.Body.Close()
	}
	switch {
	case errors.Is(err, websocket.ErrBadHandshake) && resp != nil:
		return nil, refused(resp)
	case err != nil:
		return nil, failure.New(failure.Retry, "unreachable", "the platform cannot be reached", withoutAddress(err))
	}
	ws.SetReadLimit(maxMessage)
	return &Conn{ws: ws, probes: make(chan struct{}, 1)}, nil
}

// withoutAddress keeps the cause and leaves out the address, which holds a ticket.
func withoutAddress(err error) error {
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		err = cause
	}
	return err
}

// alive gives the other side so long for its next sign of life.
func (c *Conn) alive(silence time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hung {
		return
	}
	_ = c.ws.SetReadDeadline(time.Now().Add(silence)) // a connection that is closed says so when it is read
}

// write sends one message.
func (c *Conn) write(m Message) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.ws.SetWriteDeadline(time.Now().Add(writeTimeout))
	return c.ws.WriteMessage(m.kind(), m.Data)
}

// ping sends a ping of the websocket itself, whose answer brings data back.
func (c *Conn) ping(data string) error {
	return c.ws.WriteControl(websocket.PingMessage, []byte(data), time.Now().Add(writeTimeout))
}

// wantPing has a ping sent soon.
func (c *Conn) wantPing() {
	select {
	case c.probes <- struct{}{}:
	default:
	}
}

// hangUp makes the reader end.
func (c *Conn) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hung = true
	_ = c.ws.SetReadDeadline(time.Unix(1, 0))
}

// sayEnd tells the other side that nothing more comes from here.
func (c *Conn) sayEnd() {
	_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
}

// Message is one message of a websocket.
type Message struct {
	Data   []byte
	Binary bool // else text
}

func (m Message) kind() int {
	if m.Binary {
		return websocket.BinaryMessage
	}
	return websocket.TextMessage
}
