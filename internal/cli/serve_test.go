package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestServeUntilCtrlC runs the gateway as main does, asks it whether it lives,
// and ends it with Ctrl-C.
func TestServeUntilCtrlC(t *testing.T) {
	t.Parallel()
	interrupts := make(chan os.Signal, 1)
	logs, write := io.Pipe()
	code := make(chan int, 1)
	go func() {
		defer write.Close()
		s := Streams{In: strings.NewReader(""), Out: io.Discard, Err: write, Interrupts: interrupts}
		code <- Run(t.Context(), "v1", s, []string{"serve", "--listen", "127.0.0.1:0"}, dataDir(t))
	}()
	address := ""
	lines := bufio.NewScanner(logs)
	for address == "" && lines.Scan() {
		var entry struct{ Msg, Listen string }
		if err := json.Unmarshal(lines.Bytes(), &entry); err != nil {
			t.Fatalf("not a JSON log line: %s", lines.Text())
		}
		if entry.Msg == "ready" {
			address = entry.Listen
		}
	}
	if address == "" {
		t.Fatal("serve ended before it was ready")
	}
	go func() { _, _ = io.Copy(io.Discard, logs) }() // ends with the pipe
	get(t, "http://"+address+"/readyz")
	interrupts <- os.Interrupt
	if got := <-code; got != 0 {
		t.Errorf("exit code %d", got)
	}
}

func get(t *testing.T, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s: status %d", url, resp.StatusCode)
	}
}

// dataDir is an environment whose data lives in a directory of its own.
func dataDir(t *testing.T) []string {
	t.Helper()
	return []string{"CONVERSATION_DATA_DIR=" + filepath.Join(t.TempDir(), "data")}
}

// TestServeCannotStart shows each hindrance as one line and exit code 1.
func TestServeCannotStart(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	note := filepath.Join(t.TempDir(), "note.txt")
	if err := os.WriteFile(note, []byte(strings.Repeat("This is no database. ", 50)), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		environ []string
		say     string
	}{
		{"port in use", []string{"PARLEY_LISTEN=" + taken.Addr().String()}, "address already in use"},
		{"not a database", []string{"PARLEY_LISTEN=127.0.0.1:0", "CONVERSATION_DB_URL=sqlite:///" + note}, "not a database"},
		{"no directory", []string{"PARLEY_LISTEN=127.0.0.1:0", "CONVERSATION_DB_URL=sqlite:///" + note + "/x.db"}, "directory"},
		{"schema left to the admin", []string{"PARLEY_LISTEN=127.0.0.1:0", "PARLEY_AI__CONVERSATION_PERSISTENCE__MIGRATE=false"}, "parley migrate up"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var errs bytes.Buffer
			s := Streams{In: strings.NewReader(""), Out: io.Discard, Err: &errs}
			code := Run(t.Context(), "v1", s, []string{"serve", "--log-level", "error"}, append(dataDir(t), tt.environ...))
			line := errs.String()
			if code != 1 || strings.Count(line, "\n") != 1 || !strings.HasPrefix(line, "parley: serve: ") || !strings.Contains(line, tt.say) {
				t.Errorf("exit code %d and\n%s", code, line)
			}
		})
	}
}
