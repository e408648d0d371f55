package load_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/fakes/fakecallback"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// result is what a load run measured.
type result struct {
	perSecond float64
	p50, p99  time.Duration
}

// hammer sends n requests over so many connections, each one waiting for its
// answer, with as little work of its own as can be: it shares the processors
// with the server. build makes the requests, numbered from 1; read reads an
// answer, which must be the expected one.
func hammer(b *testing.B, addr string, connections, n int, build func(i int64) []byte, read func(*bufio.Reader) error) result {
	b.Helper()
	var next atomic.Int64
	took := make([][]time.Duration, connections)
	conns := make([]net.Conn, connections)
	for c := range conns {
		var err error
		if conns[c], err = net.Dial("tcp", addr); err != nil {
			b.Fatal(err)
		}
		defer conns[c].Close()
	}
	var wg sync.WaitGroup
	begin := time.Now()
	for c, conn := range conns {
		wg.Go(func() {
			answers := bufio.NewReader(conn)
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				start := time.Now()
				if err := exchange(conn, answers, build(i), read); err != nil {
					b.Error(err)
					return
				}
				took[c] = append(took[c], time.Since(start))
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(begin)
	all := slices.Concat(took...)
	slices.Sort(all)
	if len(all) == 0 {
		b.Fatal("nothing was sent")
	}
	return result{float64(len(all)) / elapsed.Seconds(), all[len(all)/2], all[len(all)*99/100]}
}

var eventNumber atomic.Int64 // over all runs of the binary

func request(b *testing.B, i int64) []byte {
	b.Helper()
	body := fmt.Appendf(nil, `{"sender_id":"user-%d","text":"how are you today, and what is the plan?"}`, i%1000)
	id, stamp := "evt-"+strconv.FormatInt(eventNumber.Add(1), 10), strconv.FormatInt(time.Now().Unix(), 10)
	signature, err := fakecallback.Sign(secret, id, stamp, body)
	if err != nil {
		b.Error(err)
	}
	return fmt.Appendf(nil, "POST /webhooks/generic HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nwebhook-id: %s\r\n"+
		"webhook-timestamp: %s\r\nwebhook-signature: %s\r\nContent-Length: %d\r\n\r\n%s", id, stamp, signature, len(body), body)
}

func exchange(conn net.Conn, answers *bufio.Reader, req []byte, read func(*bufio.Reader) error) error {
	if _, err := conn.Write(req); err != nil {
		return err
	}
	return read(answers)
}

// hammerGeneric sends n signed events of a program.
func hammerGeneric(b *testing.B, addr string, connections, n int) result {
	b.Helper()
	return hammer(b, addr, connections, n, func(i int64) []byte { return request(b, i) }, readAccepted)
}

// readAccepted reads an answer with a length, which must be a 202.
func readAccepted(answers *bufio.Reader) error {
	status, err := answers.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 202")) {
		return fmt.Errorf("answered %s", status)
	}
	length := 0
	for {
		line, err := answers.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if name, value, ok := bytes.Cut(line, []byte(": ")); ok && string(name) == http.CanonicalHeaderKey("content-length") {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(value)))
		}
	}
	_, err = io.CopyN(io.Discard, answers, int64(length))
	return err
}
