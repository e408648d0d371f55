package e2e_test

import (
	"io"
	"net"
	"testing"
	"time"
)

// A server of tools that goes on when its input ends does not outlive Parley's kill -9.
func TestServersOfToolsDieWithParley(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w := newWorld(t)
	p := w.spawn(t, "only", deskIn(t, t.TempDir()+"/notes", l.Addr().String()))
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p.kill()
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("it is still there: %v", err)
	}
}
