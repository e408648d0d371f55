package cutproxy_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/parley-bot/parley/internal/fakes/cutproxy"
)

// upper is a server that answers each line in capitals and keeps what it got.
func upper(t *testing.T) (addr string, got func() string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	var mu sync.Mutex
	var all strings.Builder
	work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer conn.Close()
				lines := bufio.NewScanner(conn)
				for lines.Scan() {
					mu.Lock()
					all.WriteString(lines.Text() + ";")
					mu.Unlock()
					_, _ = io.WriteString(conn, strings.ToUpper(lines.Text())+"\n")
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		work.Wait()
	})
	return listener.Addr().String(), func() string {
		mu.Lock()
		defer mu.Unlock()
		return all.String()
	}
}

// talk sends lines on one connection, one after the other, and returns the answers up to the cut.
func talk(t *testing.T, addr string, lines ...string) string {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers, in := "", bufio.NewReader(conn)
	for _, line := range lines {
		if _, err := io.WriteString(conn, line+"\n"); err != nil {
			break
		}
		answer, err := in.ReadString('\n')
		if err != nil {
			break
		}
		answers += strings.TrimSpace(answer) + ";"
	}
	return answers
}

func TestProxy(t *testing.T) {
	t.Parallel()
	target, got := upper(t)
	p := cutproxy.New(t, target)
	commit := func(sent string) bool { return sent == "commit\n" }
	for _, step := range []struct {
		prepare       func()
		answers, sent string
		cuts          int
	}{
		{func() {}, "ONE;COMMIT;THREE;", "one;Commit;three;", 0},
		{func() { p.CutAt(commit, cutproxy.BeforeServer) }, "ONE;", "one;", 1},
		{func() { p.CutAt(commit, cutproxy.BeforeClient) }, "ONE;", "one;Commit;", 2},
		{func() {}, "ONE;COMMIT;THREE;", "one;Commit;three;", 2},
		{func() { p.CutEvery(3) }, "ONE;COMMIT;", "one;Commit;", 3},
		{func() { p.CutEvery(0) }, "ONE;COMMIT;THREE;", "one;Commit;three;", 3},
	} {
		step.prepare()
		before := got()
		if answers := talk(t, p.Addr(), "one", "Commit", "three"); answers != step.answers {
			t.Errorf("answers %q, want %q", answers, step.answers)
		}
		if sent := strings.TrimPrefix(got(), before); sent != step.sent || p.Cuts() != step.cuts {
			t.Errorf("the server got %q, want %q; %d cuts", sent, step.sent, p.Cuts())
		}
	}
}
