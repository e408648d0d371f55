package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// bigExport imports a conversation that no socket's buffers hold, and returns
// the path of its export.
func bigExport(s *server) string {
	s.t.Helper()
	type message struct {
		Role      string    `json:"role"`
		Content   string    `json:"content"`
		Timestamp time.Time `json:"timestamp"`
	}
	messages := make([]message, 6000)
	for i := range messages {
		messages[i] = message{"user", strconv.Itoa(i) + strings.Repeat("x", 4000), time.Unix(1767225600, 0)}
	}
	file, err := json.Marshal(map[string]any{
		"conversation": map[string]string{"user_key": "generic:private:big", "platform": "generic", "chat_id": "big"},
		"messages":     messages,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	a := s.request(http.MethodPost, "/api/v1/conversations/import", string(file), "Authorization", "Bearer "+adminToken)
	if a.status != http.StatusCreated {
		s.t.Fatalf("%d %s", a.status, a.body)
	}
	return fmt.Sprint("/api/v1/conversations/", a.json(s.t)["id"], "/export")
}

// slowReader asks for path, reads the head of the answer and then nothing more.
func slowReader(s *server, path string) (head http.Header, status int) {
	s.t.Helper()
	var d net.Dialer
	c, err := d.DialContext(s.t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	if err := c.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	if err := req.Write(c); err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReaderSize(c, 16), req)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.Header, resp.StatusCode
}

// Those who download an export and do not read it keep nobody from a reply, and
// a server that waits for them is no less ready.
func TestSlowReadersStarveNobody(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.database = dbtest.URL(t, engine)
			starve(t, w)
		})
	}
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		starve(t, newWorld(t), func(c *config.Config) { c.AI.ConversationPersistence.Enabled = false })
	})
}

func starve(t *testing.T, w *world, change ...func(*config.Config)) {
	t.Helper()
	s := w.start(t, change...)
	path := bigExport(s)
	for i := range 10 {
		head, status := slowReader(s, path)
		switch wait, err := strconv.Atoi(head.Get("Retry-After")); {
		case status == http.StatusOK && i < 7:
		case status == http.StatusServiceUnavailable && i >= 7 && err == nil && wait > 1:
		default:
			t.Errorf("download %d: %d, Retry-After %q", i, status, head.Get("Retry-After"))
		}
	}
	for i := range 5 {
		begun := time.Now()
		if got := s.reply("bob", fmt.Sprint("hello ", i)); got == "" {
			t.Error("no reply")
		}
		if took := time.Since(begun); took > 5*time.Second { // alone it takes milliseconds; before, 20 s
			t.Errorf("a reply took %s", took)
		}
		if a := s.request(http.MethodGet, "/readyz", ""); a.status != http.StatusOK {
			t.Errorf("readyz: %d %s", a.status, a.body)
		}
	}
}
