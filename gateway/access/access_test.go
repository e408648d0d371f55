package access_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/gateway/access"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/platforms"
)

func event(platform, tenant, chat, user string) *platforms.Event {
	return &platforms.Event{
		Platform: platform, Tenant: tenant, ID: user, ChatType: platforms.Private, ChatID: chat, SenderID: user, SenderName: "Name of " + user, Text: "hi",
	}
}

// Who is listed, who is not, and from where.
func TestWhomTheListsLetIn(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	guest := event("slack", "T1", "C1", "U9")
	guest.Guest = "T2"
	own := func(e access.Entry) []access.Entry { return []access.Entry{e} }
	for _, tt := range []struct {
		name        string
		mode        access.Mode
		allow, deny []access.Entry
		event       *platforms.Event
		reason      string // a part of it; "" = in
	}{
		{"open", access.Open, nil, nil, event("slack", "T1", "C1", "U1"), ""},
		{"open, denied person", access.Open, nil, own(access.Entry{Platform: "slack", Tenant: "T1", User: "U1"}), event("slack", "T1", "C1", "U1"), "access.deny"},
		{"open, another person denied", access.Open, nil, own(access.Entry{Platform: "slack", Tenant: "T1", User: "U2"}), event("slack", "T1", "C1", "U1"), ""},
		{"open, denied chat", access.Open, nil, own(access.Entry{Platform: "slack", Tenant: "*", Chat: "C1"}), event("slack", "T1", "C1", "U1"), "access.deny"},
		{"deny wins", access.Allow, own(access.Entry{Platform: "slack", Tenant: "T1", User: "U1"}), own(access.Entry{Platform: "slack", Tenant: "*"}), event("slack", "T1", "C1", "U1"), "access.deny"},
		{"allow, platform", access.Allow, own(access.Entry{Platform: "slack", Tenant: "*"}), nil, event("slack", "T1", "C1", "U1"), ""},
		{"allow, another platform", access.Allow, own(access.Entry{Platform: "slack", Tenant: "*"}), nil, event("feishu", "T1", "C1", "U1"), "access.allow"},
		{"allow, a further app is another platform", access.Allow, own(access.Entry{Platform: "slack", Tenant: "*"}), nil, event("slack.sales", "T1", "C1", "U1"), "access.allow"},
		{"allow, tenant", access.Allow, own(access.Entry{Platform: "slack", Tenant: "T1"}), nil, event("slack", "T1", "C1", "U1"), ""},
		{"allow, another tenant", access.Allow, own(access.Entry{Platform: "slack", Tenant: "T2"}), nil, event("slack", "T1", "C1", "U1"), "access.allow"},
		{"allow, chat", access.Allow, own(access.Entry{Platform: "slack", Tenant: "T1", Chat: "C1"}), nil, event("slack", "T1", "C1", "U1"), ""},
		{"allow, another chat", access.Allow, own(access.Entry{Platform: "slack", Tenant: "T1", Chat: "C2"}), nil, event("slack", "T1", "C1", "U1"), "access.allow"},
		{"allow, nobody", access.Allow, nil, nil, event("slack", "T1", "C1", "U1"), "access.allow"},
		{"guest, open", access.Open, nil, nil, guest, "another organization"},
		{"guest, our tenant listed", access.Open, own(access.Entry{Platform: "slack", Tenant: "T1"}), nil, guest, "another organization"},
		{"guest, platform listed", access.Allow, own(access.Entry{Platform: "slack", Tenant: "*"}), nil, guest, "another organization"},
		{"guest, listed", access.Open, own(access.Entry{Platform: "slack", Tenant: "T1", User: "U9"}), nil, guest, ""},
		{"guest, chat listed", access.Allow, own(access.Entry{Platform: "slack", Tenant: "T1", Chat: "C1"}), nil, guest, ""},
		{"guest, theirs listed", access.Open, own(access.Entry{Platform: "slack", Tenant: "T2"}), nil, guest, ""},
		{"guest, our tenant denied", access.Open, own(access.Entry{Platform: "slack", Tenant: "T2"}), own(access.Entry{Platform: "slack", Tenant: "T1"}), guest, "access.deny"},
		{"guest, theirs denied", access.Open, own(access.Entry{Platform: "slack", Tenant: "T1", User: "U9"}), own(access.Entry{Platform: "slack", Tenant: "T2"}), guest, "access.deny"},
		{"page", access.Allow, nil, own(access.Entry{Platform: "web", Tenant: "*"}), event("web", "", "c", "local"), ""},
		{"program, open", access.Open, nil, nil, event("generic", "", "c", "u"), ""},
		{"program, not listed", access.Pairing, nil, nil, event("generic", "", "c", "u"), "access.allow"},
		{"program, listed", access.Pairing, own(access.Entry{Platform: "generic", Tenant: "*"}), nil, event("generic", "", "c", "u"), ""},
	} {
		g := access.New(access.Options{
			DB: db, Mode: tt.mode, Allow: tt.allow, Deny: tt.deny, Always: []string{"web"},
			Program: func(platform string) bool { return platform == "generic" },
		})
		reason, err := g.Refuse(t.Context(), tt.event)
		if err != nil || (reason == "") != (tt.reason == "") || !strings.Contains(reason, tt.reason) {
			t.Errorf("%s: %q, %v, want %q", tt.name, reason, err, tt.reason)
		}
	}
}

// pair opens a code for who wrote an event, as a turn does.
func pair(ctx context.Context, db *database.DB, g *access.Gate, e *platforms.Event) (access.Meeting, error) {
	for {
		m, err := g.Meet(ctx, e)
		if err != nil || m.Code == "" {
			return m, err
		}
		err = db.Write(ctx, m.PairTx)
		if failure.KindOf(err) != failure.Retry { // somebody came first: the next attempt finds out
			return m, err
		}
	}
}

// A hundred strangers at once, some of them twice, and fifty too many: each of a
// hundred gets one code, nobody two, and no code is lost or there beyond them.
func TestHundredStrangersAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		gates := []*access.Gate{access.New(access.Options{DB: db, Mode: access.Pairing}), access.New(access.Options{DB: db, Mode: access.Pairing})}
		var mu sync.Mutex
		told := map[string][]string{}
		var all sync.WaitGroup
		for i := range 300 {
			all.Go(func() {
				e := event("slack", "T1", "D1", fmt.Sprint("U", i%150))
				m, err := pair(t.Context(), db, gates[i%2], e)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if m.Code != "" {
					told[e.SenderID] = append(told[e.SenderID], m.Code)
				} else if m.Ignore == "" {
					t.Errorf("%s is let in", e.SenderID)
				}
			})
		}
		all.Wait()
		pairs, err := access.Book{DB: db}.List(t.Context())
		if err != nil || len(pairs) != 100 || len(told) != 100 {
			t.Fatalf("%d codes are open and %d were told, %v", len(pairs), len(told), err)
		}
		form := regexp.MustCompile(`^[2-9A-HJ-NP-Z]{8}$`)
		for _, p := range pairs {
			if codes := told[p.UserID]; len(codes) != 1 || codes[0] != p.Code || !form.MatchString(p.Code) || p.State != access.Waiting ||
				p.Name != "Name of "+p.UserID || p.Platform != "slack" || p.Tenant != "T1" || time.Until(p.ExpiresAt) > time.Hour {
				t.Errorf("%+v was told %v", p, codes)
			}
		}
		if m, err := pair(t.Context(), db, gates[0], event("slack.sales", "T1", "D1", "U500")); err != nil || m.Code == "" {
			t.Errorf("another app is full, too: %+v, %v", m, err)
		}
	})
}

// A code lets in whom it was told, once, within the hour, and where it was told;
// who is revoked is out again.
func TestApproveAndRevoke(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, book, g := t.Context(), access.Book{DB: db}, access.New(access.Options{DB: db, Mode: access.Pairing})
		alice := event("slack", "T1", "D1", "U1")
		m, err := pair(ctx, db, g, alice)
		if err != nil || m.Code == "" {
			t.Fatalf("%+v, %v", m, err)
		}
		again, err := pair(ctx, db, g, alice)
		if err != nil || again.Code != "" || !strings.Contains(again.Ignore, "is waiting for approval") {
			t.Errorf("the second message: %+v, %v", again, err)
		}
		group := *alice
		group.ChatType = platforms.Group
		if reason, err := g.Refuse(ctx, &group); err != nil || reason == "" {
			t.Errorf("in a group: %q, %v", reason, err)
		}
		if _, err := book.Approve(ctx, "WRONGCOD"); failure.KindOf(err) != failure.NotFound {
			t.Errorf("a wrong code: %v", err)
		}
		p, err := book.Approve(ctx, " "+strings.ToLower(m.Code)+"\n")
		if err != nil || p.UserID != "U1" || p.State != access.Approved {
			t.Fatalf("%+v, %v", p, err)
		}
		if _, err := book.Approve(ctx, m.Code); failure.KindOf(err) != failure.NotFound {
			t.Errorf("a used code: %v", err)
		}
		if reason, err := g.Refuse(ctx, &group); err != nil || reason != "" {
			t.Errorf("approved, in a group: %q, %v", reason, err)
		}
		if m, err := g.Meet(ctx, alice); err != nil || m.Code != "" || m.Ignore != "" {
			t.Errorf("approved: %+v, %v", m, err)
		}
		if m, err := g.Meet(ctx, event("slack", "T2", "D1", "U1")); err != nil || m.Code == "" {
			t.Errorf("of another workspace: %+v, %v", m, err)
		}
		if err := book.Revoke(ctx, p.ID); err != nil {
			t.Error(err)
		}
		if err := book.Revoke(ctx, p.ID); failure.KindOf(err) != failure.NotFound {
			t.Errorf("revoked twice: %v", err)
		}
		m, err = pair(ctx, db, g, alice)
		if err != nil || m.Code == "" {
			t.Fatalf("revoked: %+v, %v", m, err)
		}
		if _, err := db.Maintenance().ExecContext(ctx, "UPDATE pairings SET expires_at = expires_at - 3600000000"); err != nil {
			t.Fatal(err)
		}
		if _, err := book.Approve(ctx, m.Code); failure.KindOf(err) != failure.NotFound {
			t.Errorf("an old code: %v", err)
		}
		if next, err := pair(ctx, db, g, alice); err != nil || next.Code == "" || next.Code == m.Code {
			t.Errorf("after an hour: %+v, %v", next, err)
		}
	})
}

// Whom it forgets is unknown again, whether they were let in or had a code, and
// nobody else is.
func TestForgetsAPerson(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, book, g := t.Context(), access.Book{DB: db}, access.New(access.Options{DB: db, Mode: access.Pairing})
		approved, waiting := event("slack", "T1", "D1", "U1"), event("slack", "T1", "D2", "U2")
		others := []*platforms.Event{event("slack", "T2", "D1", "U1"), event("slack.sales", "T1", "D1", "U1"), event("slack", "T1", "D3", "u1")}
		for i, e := range append([]*platforms.Event{approved, waiting}, others...) {
			m, err := pair(ctx, db, g, e)
			if err != nil || m.Code == "" {
				t.Fatalf("%+v, %v", m, err)
			}
			if i != 1 {
				if _, err := book.Approve(ctx, m.Code); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, e := range []*platforms.Event{approved, waiting, waiting} {
			p := memory.Person{Platform: e.Platform, Tenant: e.Tenant, SenderID: e.SenderID}
			if err := db.Write(ctx, func(ctx context.Context, tx database.Tx) error { return book.ForgetTx(ctx, tx, p) }); err != nil {
				t.Fatal(err)
			}
		}
		if pairs, err := book.List(ctx); err != nil || len(pairs) != len(others) {
			t.Errorf("left are %+v, %v", pairs, err)
		}
		for _, e := range others {
			if m, err := g.Meet(ctx, e); err != nil || m.Code != "" || m.Ignore != "" {
				t.Errorf("%s of %s is forgotten, too: %+v, %v", e.SenderID, e.Platform, m, err)
			}
		}
		for _, e := range []*platforms.Event{approved, waiting} {
			if m, err := pair(ctx, db, g, e); err != nil || m.Code == "" {
				t.Errorf("%s is no stranger: %+v, %v", e.SenderID, m, err)
			}
		}
	})
}

// Replies to one person in one chat are limited; beyond that there is a minute's silence.
func TestRepliesPerMinute(t *testing.T) {
	t.Parallel()
	now := time.Now()
	g := access.New(access.Options{DB: dbtest.New(t), Mode: access.Open, PerMinute: 2, Now: func() time.Time { return now }})
	say := func(e *platforms.Event) bool {
		m, err := g.Meet(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		if m.Ignore == "" {
			g.Replied(e, "reply")
		}
		return m.Ignore == ""
	}
	e := event("slack", "T1", "C1", "U1")
	for i, want := range []bool{true, true, false, false} {
		if say(e) != want {
			t.Errorf("message %d: answered %v", i, !want)
		}
	}
	if !say(event("slack", "T1", "C2", "U1")) || !say(event("slack", "T1", "C1", "U2")) {
		t.Error("another chat or person is silenced, too")
	}
	now = now.Add(59 * time.Second)
	if say(e) {
		t.Error("answered within the minute")
	}
	now = now.Add(2 * time.Second)
	if !say(e) {
		t.Error("not answered after the minute")
	}
}

// Two programs that answer each other are stopped; people and programs that say
// something of their own are not.
func TestLoopsOfTwoPrograms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		text   func(i int, reply string) string
		pause  time.Duration
		rounds int // after which it is stopped; 0 = never
	}{
		{"repeats our reply", func(_ int, reply string) string { return reply }, time.Second, 5},
		{"quotes our reply", func(i int, reply string) string { return fmt.Sprintf("Got *it*, %d: > %s", i, reply) }, time.Second, 5},
		{"always the same", func(int, string) string { return "I am out of office" }, time.Second, 20},
		{"says something of its own", func(i int, _ string) string { return fmt.Sprint("message ", i) }, time.Millisecond, 0},
		{"a person says ok", func(int, string) string { return "ok" }, 15 * time.Second, 0},
	} {
		now := time.Now()
		g := access.New(access.Options{DB: dbtest.New(t), Mode: access.Open, Now: func() time.Time { return now }})
		reply, stopped := "", 0
		for i := 1; i <= 50 && stopped == 0; i++ {
			e := event("slack", "T1", "C1", "U1")
			e.Text = tt.text(i, reply)
			m, err := g.Meet(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			if m.Ignore != "" {
				stopped = i - 1
				if !strings.Contains(m.Ignore, "loop") {
					t.Errorf("%s: %q", tt.name, m.Ignore)
				}
				break
			}
			reply = "This is what the **model** says: " + fmt.Sprint(i)
			g.Replied(e, reply)
			now = now.Add(tt.pause)
		}
		if (stopped == 0) != (tt.rounds == 0) || stopped > tt.rounds+1 {
			t.Errorf("%s: stopped after %d replies, want about %d", tt.name, stopped, tt.rounds)
		}
	}
}
