package signin_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/metrics"
	"github.com/parley-bot/parley/internal/signin"
)

const token = "the-admin-token-of-this-test"

// clock is a time that a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newClock() *clock { return &clock{time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)} }

func from(t *testing.T, address string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.RemoteAddr = address + ":5000"
	return r
}

func codeOf(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("link")
}

func TestBearer(t *testing.T) {
	t.Parallel()
	d := signin.New(signin.Options{Token: token})
	for header, want := range map[string]bool{
		"Bearer " + token: true, "bearer " + token: true, "Bearer  " + token + " ": true,
		"Bearer " + token[1:]: false, "Bearer " + token + "x": false, token: false, "Basic " + token: false, "Bearer": false, "": false,
	} {
		r := from(t, "192.0.2.1")
		r.Header.Set("Authorization", header)
		if d.Bearer(r) != want {
			t.Errorf("%q: %t", header, !want)
		}
	}
	r := from(t, "192.0.2.1")
	r.Header.Set("Authorization", "Bearer ")
	if signin.New(signin.Options{}).Bearer(r) {
		t.Error("a door without a token is open")
	}
}

func TestSession(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		c := newClock()
		d := signin.New(signin.Options{Token: token, DB: db, Now: c.now})
		replica := signin.New(signin.Options{Token: token, DB: db, Now: c.now})
		valid := func(d *signin.Door, cookie string) bool {
			ok, err := d.Session(t.Context(), cookie)
			if err != nil {
				t.Fatal(err)
			}
			return ok
		}
		begin := func() string {
			cookie, err := d.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return cookie
		}
		ended, quiet, used := begin(), begin(), begin()
		if !valid(d, used) || !valid(replica, used) {
			t.Error("a session does not hold on every replica")
		}
		if err := replica.End(t.Context(), ended); err != nil {
			t.Fatal(err)
		}
		if valid(d, ended) || valid(replica, ended) || !valid(d, used) {
			t.Error("signing out at one replica ends this session everywhere, and no other")
		}
		if valid(signin.New(signin.Options{Token: token + "2", DB: db, Now: c.now}), used) {
			t.Error("a session outlives the token that it was made with")
		}
		raw, _ := base64.RawURLEncoding.DecodeString(used)
		for i := range raw {
			raw[i] ^= 1
			if valid(d, base64.RawURLEncoding.EncodeToString(raw)) {
				t.Errorf("byte %d does not count", i)
			}
			raw[i] ^= 1
		}
		for _, cookie := range []string{"", "x", used[1:], used + "A", used + "=", strings.ToUpper(used), codeOf(t, signin.Link("", token, c.at))} {
			if valid(d, cookie) {
				t.Errorf("%q is taken for a session", cookie)
			}
		}
		for range 20 { // used again and again
			c.at = c.at.Add(8 * time.Hour)
			if !valid(d, used) {
				t.Fatalf("ended after %s although it was used", c.at.Sub(newClock().at))
			}
		}
		if valid(d, quiet) {
			t.Error("a quiet session goes on")
		}
		c.at = newClock().at.Add(signin.SessionTime - time.Second)
		if !valid(d, used) {
			t.Error("ended before seven days")
		}
		c.at = c.at.Add(time.Second)
		if valid(d, used) {
			t.Error("goes on after seven days")
		}
		_ = begin() // clears away what is over
		var rows int
		if err := db.Read().NewRaw("SELECT COUNT(*) FROM sign_ins").Scan(t.Context(), &rows); err != nil || rows != 1 {
			t.Errorf("%d rows are kept (%v), want 1", rows, err)
		}
	})
}

func TestQuietSessionEndsAfterTwelveHours(t *testing.T) {
	t.Parallel()
	c := newClock()
	d := signin.New(signin.Options{Token: token, DB: dbtest.New(t), Now: c.now})
	cookie, err := d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.at = c.at.Add(signin.QuietTime)
	if ok, err := d.Session(t.Context(), cookie); ok || err != nil {
		t.Errorf("%t, %v", ok, err)
	}
}

// However many replicas are asked at once, a link signs in once.
func TestLinkIsGoodOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		c := newClock()
		code := codeOf(t, signin.Link("http://localhost:8080", token, c.at))
		var good, used atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				d := signin.New(signin.Options{Token: token, DB: db, Now: c.now})
				cookie, err := d.UseLink(t.Context(), from(t, "192.0.2.1"), code)
				switch {
				case errors.Is(err, signin.ErrUsedLink):
					used.Add(1)
				case err != nil:
					t.Error(err)
				default:
					good.Add(1)
					if ok, err := d.Session(t.Context(), cookie); !ok || err != nil {
						t.Errorf("%t, %v", ok, err)
					}
				}
			})
		}
		wg.Wait()
		if good.Load() != 1 || used.Load() != 7 {
			t.Errorf("%d signed in and %d were told that it is used, want 1 and 7", good.Load(), used.Load())
		}
	})
}

func TestLinksThatAreNotGood(t *testing.T) {
	t.Parallel()
	c := newClock()
	d := signin.New(signin.Options{Token: token, DB: dbtest.New(t), Now: c.now})
	cookie, err := d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, code string
		want       error
	}{
		{"good", codeOf(t, signin.Link("", token, c.at)), nil},
		{"nearly ten minutes old", codeOf(t, signin.Link("", token, c.at.Add(time.Second-signin.LinkTime))), nil},
		{"ten minutes old", codeOf(t, signin.Link("", token, c.at.Add(-signin.LinkTime))), signin.ErrOldLink},
		{"of another token", codeOf(t, signin.Link("", "another-token-of-this-test", c.at)), signin.ErrBadLink},
		{"a session's cookie", cookie, signin.ErrBadLink},
		{"empty", "", signin.ErrBadLink},
	} {
		if err := d.CheckLink(t.Context(), from(t, "192.0.2.1"), tt.code); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// Guessing is counted, logged once a minute and slow, and shuts nobody out.
func TestGuessing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		m := metrics.New()
		d := signin.New(signin.Options{Token: token, Metrics: m, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		begin := time.Now()
		for i := range 100 {
			if d.Knows(from(t, "192.0.2.1"), fmt.Sprint("guess ", i)) {
				t.Fatal("a guess was right")
			}
		}
		if took := time.Since(begin); took < 9*time.Second || took > 20*time.Second {
			t.Errorf("100 guesses one after the other took %s", took)
		}
		if n := testutil.ToFloat64(m.SignInRefused); n != 100 {
			t.Errorf("%v were counted, want 100", n)
		}
		if n := strings.Count(log.String(), "level=WARN"); n != 1 {
			t.Errorf("%d lines, want 1:\n%s", n, &log)
		}
		begin = time.Now()
		if !d.Knows(from(t, "192.0.2.2"), token) || time.Since(begin) != 0 {
			t.Errorf("from another address the token waited %s", time.Since(begin))
		}
		if !d.Knows(from(t, "192.0.2.1"), token) || time.Since(begin) > time.Second {
			t.Errorf("from the guesser's address the token waited %s", time.Since(begin))
		}

		begin = time.Now()
		var wg sync.WaitGroup
		for range 400 {
			wg.Go(func() { d.Knows(from(t, "192.0.2.1"), "guess") })
		}
		wg.Wait()
		if took := time.Since(begin); took < 7*time.Second || took > 11*time.Second {
			t.Errorf("400 guesses at once took %s", took)
		}
		time.Sleep(time.Minute)
		begin = time.Now()
		if d.Knows(from(t, "192.0.2.1"), "guess"); time.Since(begin) != 0 {
			t.Error("what was a minute ago is not forgotten")
		}
		if n := strings.Count(log.String(), "level=WARN"); n != 2 || !strings.Contains(log.String(), "count=500") {
			t.Errorf("%d lines, want 2 with the count of what came between:\n%s", n, &log)
		}
	})
}

// Who does not wait for the answer learns nothing from that.
func TestGuessThatDoesNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := signin.New(signin.Options{Token: token})
		for range 10 {
			d.Knows(from(t, "192.0.2.1"), "guess")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if d.Knows(from(t, "192.0.2.1").WithContext(ctx), token) {
			t.Error("the token was known before the wait was over")
		}
	})
}

// However many addresses guess, what is kept of them is bounded, and an address
// that has not guessed waits at most as long as they do.
func TestManyGuessers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := signin.New(signin.Options{Token: token})
		for i := range 6000 {
			r := from(t, "x")
			r.RemoteAddr = fmt.Sprintf("[2001:db8:%x::1]:5000", i)
			d.Knows(r, "guess")
		}
		if n := d.Guessers(); n > 4097 {
			t.Errorf("%d addresses are kept", n)
		}
		begin := time.Now()
		if !d.Knows(from(t, "192.0.2.77"), token) || time.Since(begin) > time.Second {
			t.Errorf("an address that has not guessed waited %s", time.Since(begin))
		}
	})
}
