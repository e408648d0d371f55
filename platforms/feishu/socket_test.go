package feishu_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/platforms"
	"github.com/parley-bot/parley/platforms/feishu"
	"github.com/parley-bot/parley/platforms/platformtest"
)

func listen(t *testing.T, arrange ...func(*fakefeishu.Server)) (*platformtest.Listener, *fakefeishu.Server) {
	t.Helper()
	a, fake := newSender(t, func(o *feishu.Options) { o.EncryptKey, o.VerificationToken, o.Now = "", "", time.Now })
	for _, do := range arrange {
		do(fake)
	}
	return platformtest.Listen(t, feishu.NewSocket(a)), fake
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func said(n int, text string) []byte {
	return fakefeishu.MessageEvent(fakefeishu.Message{
		EventID: fmt.Sprint("e", n), MessageID: fmt.Sprint("om_", n), AppID: testApp, Text: text, At: time.Now(),
	})
}

// An event means the same whole and in pieces, and neither is signed.
func TestSocketReadsEvents(t *testing.T) {
	t.Parallel()
	l, fake := listen(t)
	must(t, fake.Sockets.WaitOpened(platformtest.Patient(t), 1))
	long := strings.Repeat("一二三 ", 2000)
	for i, pieces := range []int{1, 2, 7} {
		fake.Sockets.Split(pieces)
		fake.Sockets.Push(fmt.Sprint("m", i), said(i, long))
		must(t, fake.Sockets.WaitAcknowledged(platformtest.Patient(t), i+1))
		e := l.Delivered()[i].Events[0]
		if strings.TrimSpace(e.Text) != strings.TrimSpace(long) || e.ID != fmt.Sprint("e", i) || e.UserKey() != "feishu:private:ou_alice" {
			t.Errorf("in %d pieces: %.80s…, %s, %s", pieces, e.Text, e.ID, e.UserKey())
		}
		if size := l.Delivered()[i].Size; size < int64(len(long)) {
			t.Errorf("in %d pieces: size %d", pieces, size)
		}
	}
	if fake.Sockets.Pings() == 0 {
		t.Error("nobody asked whether Feishu is there")
	}
}

// What nobody knows is acknowledged the first time, and counted.
func TestSocketAcknowledgesWhatNobodyKnows(t *testing.T) {
	t.Parallel()
	l, fake := listen(t)
	fake.Sockets.PushBroken("pieces")
	fake.Sockets.Push("no event", []byte(`[1]`))
	fake.Sockets.PushAs("card of old", "card", []byte(`{"open_id":"ou_1"}`))
	fake.Sockets.Push("of another app", fakefeishu.MessageEvent(fakefeishu.Message{AppID: "cli_other"}))
	fake.Sockets.Push("new event", fakefeishu.V2Event("brand.new_v9", fakefeishu.Message{AppID: testApp, EventID: "e"}, map[string]any{}))
	must(t, fake.Sockets.WaitAcknowledged(platformtest.Patient(t), 5))
	if n := fake.Sockets.Again(); n > 0 {
		t.Errorf("%d came again", n)
	}
	faults, events := 0, 0
	for _, in := range l.Delivered() {
		if in.Fault != nil {
			faults++
		}
		events += len(in.Events)
	}
	if len(l.Delivered()) != 5 || faults != 3 || events != 1 {
		t.Errorf("%d delivered, %d of them faulty, %d events", len(l.Delivered()), faults, events)
	}
}

// Nothing is acknowledged with 200 that is not stored: it comes again.
func TestSocketAcknowledgesAfterTheCommit(t *testing.T) {
	t.Parallel()
	l, fake := listen(t)
	l.Fail(errors.New("disk full"))
	fake.Sockets.Push("one", said(1, "hello"))
	must(t, fake.Sockets.WaitAgain(platformtest.Patient(t)))
	if fake.Sockets.Acknowledged("one") != 0 {
		t.Error("acknowledged before it was stored")
	}
	l.Fail(nil)
	must(t, fake.Sockets.WaitAcknowledged(platformtest.Patient(t), 1))
}

// Whatever breaks a connection, in the middle of a payload too, another takes
// its place, and nothing is lost; on one connection a chat stays in order.
func TestSocketDisconnects(t *testing.T) {
	t.Parallel()
	l, fake := listen(t)
	fake.Sockets.Split(2)
	must(t, fake.Sockets.WaitOpened(platformtest.Patient(t), 1))
	const rounds, each = 4, 25
	for round := range rounds {
		for i := range each {
			n := round*each + i
			fake.Sockets.Push(fmt.Sprint("m", n), said(n, fmt.Sprint(n)))
		}
		if round%2 == 0 {
			must(t, fake.Sockets.WaitAcknowledged(platformtest.Patient(t), (round+1)*each))
		}
		fake.Sockets.Cut()
	}
	must(t, fake.Sockets.WaitAcknowledged(platformtest.Patient(t), rounds*each))
	seen := map[string]bool{}
	for i, in := range l.Delivered() {
		seen[in.Events[0].ID] = true
		if i < each && in.Events[0].ID != fmt.Sprint("e", i) {
			t.Errorf("the %dth was %s", i, in.Events[0].ID)
		}
	}
	if len(seen) != rounds*each {
		t.Errorf("%d of %d were delivered", len(seen), rounds*each)
	}
}

// What an admin has to put right is told, and not asked for again; all else is.
func TestSocketRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		endpoint, handshake int
		forGood             bool
	}{
		{fakefeishu.CodeAuthFailed, 0, true},
		{fakefeishu.CodeForbidden, 0, true},
		{fakefeishu.CodeExceedsConn, 0, true},
		{0, fakefeishu.CodeAuthFailed, true},
		{0, fakefeishu.CodeForbidden, true},
		{0, fakefeishu.CodeExceedsConn, true},
		{1, 0, false},
		{1000040343, 0, false},
		{0, 500, false},
	} {
		t.Run(fmt.Sprint(test.endpoint, test.handshake), func(t *testing.T) {
			t.Parallel()
			l, fake := listen(t, func(fake *fakefeishu.Server) { fake.Sockets.Refuse(test.endpoint, test.handshake) })
			if !test.forGood {
				must(t, fake.WaitRequests(platformtest.Patient(t), fakefeishu.Endpoint, 2))
				if c := l.Connection(); c.State != platforms.Connecting || c.Error == "" {
					t.Errorf("%+v", c)
				}
				fake.Sockets.Refuse(0, 0)
				fake.Sockets.Push("one", said(1, "hello"))
				must(t, fake.Sockets.WaitAcknowledged(platformtest.Patient(t), 1))
				if c := l.Connection(); c.State != platforms.Connected {
					t.Errorf("%+v", c)
				}
				return
			}
			code := fmt.Sprint(max(test.endpoint, test.handshake))
			if err := l.Ended(t); err != nil && failure.KindOf(err) != failure.Permanent {
				t.Errorf("ended with %v", err)
			}
			if c := l.Connection(); c.State != platforms.Failed || !strings.Contains(c.Error, code) || fake.Requests(fakefeishu.Endpoint) != 1 {
				t.Errorf("%+v after %d requests", c, fake.Requests(fakefeishu.Endpoint))
			}
		})
	}
}

func TestSocketProbe(t *testing.T) {
	t.Parallel()
	a, fake := newSender(t)
	must(t, feishu.NewSocket(a).Probe(t.Context()))
	fake.RequireApp("cli_other", "secret")
	if err := feishu.NewSocket(a).Probe(t.Context()); failure.KindOf(err) != failure.Permanent {
		t.Errorf("wrong credentials: %v", err)
	}
	if ever, _ := fake.Sockets.Opened(); ever != 0 {
		t.Error("a probe has connected")
	}
}
