package e2e_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/fakes/cutproxy"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// stage is one gateway in a process of its own, to which something happens.
type stage struct {
	*world
	process *process
	sender  *sender
	proxy   *cutproxy.Proxy // before the database server
	hurts   bool            // the disaster makes database operations fail
	ctx     context.Context //nolint:containedctx // the test's own
}

// disaster makes something happen to the gateway's database or process and
// returns what ends it, after it has lasted for a while.
type disaster func(t *testing.T, s *stage) (end func())

// calamity is a row: the disaster while the event is being stored, while the
// model thinks, and after Slack has taken the reply.
func calamity(name string, engine database.Engine, strike disaster) fault {
	cell := func(play func(t *testing.T, s *stage, strike disaster)) trial {
		return func(t *testing.T) string {
			t.Helper()
			w, tokens := newFaultWorld(t, 1)
			s := &stage{world: w, ctx: patience(t)}
			s.open(t, engine)
			play(t, s, strike)
			at := &server{t: t, url: s.process.url}
			if s.hurts && s.sender.refused.Load() == 0 && at.metric("parley_database_errors_total ") == "0" {
				t.Error("nobody noticed the fault")
			}
			return w.outcome(t, at, "E1", tokens)
		}
	}
	return fault{name, cell(whileStoring), cell(whileThinking), cell(whileConfirming)}
}

func (s *stage) open(t *testing.T, engine database.Engine) {
	t.Helper()
	if engine != database.SQLite {
		u, err := url.Parse(dbtest.URL(t, engine))
		if err != nil {
			t.Fatal(err)
		}
		s.proxy = cutproxy.New(t, u.Host)
		u.Host = s.proxy.Addr()
		s.database = u.String()
	}
	s.process = s.spawn(t, "only", "PARLEY_SERVER__SHUTDOWN_GRACE=1s")
	s.sender = newSender(s.process.url)
}

// ask sends the question as Slack does, again and again until it is taken.
func (s *stage) ask(t *testing.T) {
	t.Helper()
	if !s.sender.send(s.ctx, func(url string) *http.Request {
		req, _ := fakeslack.SignedRequest(s.ctx, url+"/webhooks/slack", slackSecret, time.Now(), slackQuestion())
		return req
	}) {
		t.Error("the event was never accepted")
	}
}

func whileStoring(t *testing.T, s *stage, strike disaster) {
	t.Helper()
	end := strike(t, s)
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		s.ask(t)
	}()
	end()
	<-asked
}

func whileThinking(t *testing.T, s *stage, strike disaster) {
	t.Helper()
	release := s.openai.Hold()
	s.ask(t)
	if _, err := s.openai.WaitCalls(s.ctx, 1); err != nil {
		t.Fatal(err)
	}
	end := strike(t, s)
	release()
	end()
}

func whileConfirming(t *testing.T, s *stage, strike disaster) {
	t.Helper()
	release := make(chan struct{})
	s.slack.Script(fakeslack.ChatPostMessage, fakeslack.TakeThenHold(release))
	s.ask(t)
	if _, err := s.slack.WaitMessages(s.ctx, 1); err != nil {
		t.Fatal(err)
	}
	end := strike(t, s)
	close(release)
	end()
}

// busy holds what writers need, in another connection.
func busy(last time.Duration) disaster {
	return func(t *testing.T, s *stage) func() {
		t.Helper()
		target := s.database
		if target == "" {
			target = "sqlite:///" + s.dir + "/conversations.db"
		}
		db, err := database.Open(s.ctx, database.Options{URL: target})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		held, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			ended <- db.Write(s.ctx, func(ctx context.Context, tx database.Tx) error {
				statement := "UPDATE lanes SET queue = queue"
				if db.Engine() == database.Postgres {
					statement = "LOCK TABLE lanes, events, deliveries, delivery_parts, conversations IN ACCESS EXCLUSIVE MODE"
				}
				_, err := tx.ExecContext(ctx, statement)
				close(held)
				<-release
				return err
			})
		}()
		<-held
		return func() {
			pause(s.ctx, last)
			close(release)
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
}

// fullDisk refuses every write to a file.
func fullDisk(t *testing.T, s *stage) func() {
	t.Helper()
	s.hurts = true
	if err := s.process.limitFiles(0); err != nil {
		t.Fatal(err)
	}
	return func() {
		pause(s.ctx, time.Second)
		if err := s.process.limitFiles(^uint64(0)); err != nil {
			t.Error(err)
		}
	}
}

// disconnected cuts every connection to the database, and new ones too.
func disconnected(_ *testing.T, s *stage) func() {
	s.hurts = true
	s.proxy.CutEvery(1)
	return func() {
		pause(s.ctx, time.Second)
		s.proxy.CutEvery(0)
	}
}

// commitUnanswered lets the next COMMIT take effect and cuts the connection
// instead of its answer, so that nobody knows.
func commitUnanswered(t *testing.T, s *stage) func() {
	t.Helper()
	cuts := s.proxy.Cuts()
	s.proxy.CutAt(func(sent string) bool { return strings.Contains(sent, "commit") }, cutproxy.BeforeClient)
	return func() {
		for s.proxy.Cuts() == cuts && s.ctx.Err() == nil {
			pause(s.ctx, 10*time.Millisecond)
		}
	}
}

// restarted ends the process and starts another one.
func restarted(end func(*process)) disaster {
	return func(t *testing.T, s *stage) func() {
		t.Helper()
		end(s.process)
		return func() {
			s.process = s.spawn(t, "only")
			s.sender.url.Store(&s.process.url)
		}
	}
}
