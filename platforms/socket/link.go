package socket

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

const (
	// lanes is how many deliveries are stored at once, of all connections together.
	lanes = 8
	// queue is how many more of each lane are read ahead.
	queue = 8
	// storeTimeout bounds one delivery. Who sent it sends it again.
	storeTimeout = 10 * time.Second
	// farewellTimeout is how long the other side may take to end a connection.
	farewellTimeout = 2 * time.Second
	// readyTimeout is how long a connection may take to deliver.
	readyTimeout = 30 * time.Second

	// Waits between attempts to connect.
	firstWait = 500 * time.Millisecond
	maxWait   = 5 * time.Minute
	// settled is how long a connection must hold for its end to be no failure.
	settled = 10 * time.Second
)

// Protocol is what a platform speaks.
type Protocol interface {
	// Connect asks the platform where to connect to and does so. An error of
	// kind failure.Permanent is for good: it is not tried again.
	Connect(ctx context.Context) (*Conn, Session, error)
}

// Session is one connection as the platform sees it. Its methods are called by
// one goroutine at a time, but for Ping.
type Session interface {
	// Read says what a message is. An error ends the connection.
	Read(ctx context.Context, message []byte) (Frame, error)
	// Ping returns what is sent so often to learn whether the other side is
	// there; without Data a ping of the websocket itself.
	Ping() (m Message, every time.Duration)
}

// Frame is what a message means.
type Frame struct {
	// Ready says that the connection delivers from now on.
	Ready bool
	// Over says that the platform wants the connection replaced.
	Over bool
	// In is what the message delivers; nil: nothing.
	In *platforms.Inbound
	// Ack returns what is answered when In is stored, or could not be; no Data:
	// nothing, and the platform delivers it again. nil: nothing ever.
	Ack func(stored error) Message
}

// Link keeps connections to one platform. It implements the parts of
// [platforms.Source] that are the same for all.
type Link struct {
	protocol Protocol
	number   int // of connections
	log      *slog.Logger
	wait     func(context.Context, time.Duration) error
	seed     maphash.Seed
	order    *order

	mu    sync.Mutex
	open  int       // connections that deliver
	ended int       // connections that ended for good
	why   error     // why the last one ended, nil once one delivers
	told  time.Time // when an end was logged last
}

// New returns a link that keeps so many connections once it runs.
func New(p Protocol, number int, log *slog.Logger) *Link {
	return &Link{protocol: p, number: number, log: log, wait: sleep, seed: maphash.MakeSeed(), order: newOrder()}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Connection implements [platforms.Source].
func (l *Link) Connection() platforms.Connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := platforms.Connection{State: platforms.Connecting, Open: l.open}
	switch {
	case l.open > 0:
		c.State = platforms.Connected
	case l.ended == l.number:
		c.State = platforms.Failed
	}
	if l.why != nil {
		c.Error = failure.SafeOf(l.why)
	}
	// One connection keeps the order by itself.
	c.Settled = l.number == 1 || l.open+l.ended >= l.number && l.order.settled()
	return c
}

// Run implements [platforms.Source]: it delivers until ctx ends, and then
// returns nil once what came in is stored and acknowledged; or until every
// connection has ended for good, and says why.
func (l *Link) Run(ctx context.Context, deliver func(context.Context, platforms.Inbound) error) error {
	var workers, connections sync.WaitGroup
	r := &run{Link: l, deliver: deliver}
	for i := range r.jobs {
		r.jobs[i] = make(chan job, queue)
		workers.Go(func() { r.work(ctx, r.jobs[i], r.order.pokes[i]) })
	}
	ends := make([]error, l.number)
	for i := range l.number {
		connections.Go(func() { ends[i] = r.keep(ctx) })
	}
	connections.Wait()
	r.closing.Wait()
	for _, jobs := range r.jobs {
		close(jobs)
	}
	workers.Wait()
	if ctx.Err() != nil {
		return nil //nolint:nilerr // being stopped is no failure
	}
	return errors.Join(ends...)
}

// run is one call of Run.
type run struct {
	*Link
	deliver func(context.Context, platforms.Inbound) error
	jobs    [lanes]chan job
	closing sync.WaitGroup // connections that are being ended
}

// job is one delivery on its way to the store.
type job struct {
	conn  *Conn
	frame Frame
	after []mark // what is to be read first
}

// keep holds one connection open until ctx ends, or for good.
func (r *run) keep(ctx context.Context) error {
	for failures := 0; ctx.Err() == nil; {
		begun := time.Now()
		delivered, err := r.connection(ctx)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // being stopped is no failure
		case failure.KindOf(err) == failure.Permanent:
			r.note(err, true)
			r.log.ErrorContext(ctx, "a platform's connection has ended for good", slog.Any("error", err))
			return err
		case delivered || time.Since(begun) >= settled:
			failures = 0
		}
		r.note(err, false)
		if err == nil && failures == 0 { // asked to come again
			failures++
			continue
		}
		pause := waitAfter(failures, failure.WaitOf(err))
		failures++
		r.tell(ctx, err, pause)
		if r.wait(ctx, pause) != nil {
			return nil //nolint:nilerr // it was asked to end
		}
	}
	return nil
}

// tell warns of a connection that ended, once a minute at most.
func (r *run) tell(ctx context.Context, err error, pause time.Duration) {
	r.mu.Lock()
	level := slog.LevelDebug
	if now := time.Now(); now.Sub(r.told) >= time.Minute {
		level, r.told = slog.LevelWarn, now
	}
	r.mu.Unlock()
	r.log.Log(ctx, level, "a platform's connection was lost", slog.Any("error", err), slog.String("retry_in", pause.Round(time.Millisecond).String()))
}

// waitAfter returns how long to wait after so many failures in a row, or as long
// as the platform has asked to.
func waitAfter(failures int, asked time.Duration) time.Duration {
	wait := min(maxWait, firstWait<<min(failures, 16))
	return max(asked, wait/2+rand.N(wait/2))
}

func (r *run) note(err error, forGood bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.why = err
	}
	if forGood {
		r.ended++
	}
}

// connection opens one connection and reads it to its end, and reports whether
// anything came; a nil error: the platform wants another connection.
func (r *run) connection(ctx context.Context) (delivered bool, err error) {
	conn, session, err := r.protocol.Connect(ctx)
	if err != nil {
		return false, err
	}
	stop := context.AfterFunc(ctx, conn.hangUp)
	defer stop()
	reading, over := context.WithCancel(ctx)
	var pinging sync.WaitGroup
	pinging.Go(func() { keepAlive(reading, conn, session) })
	if r.number > 1 {
		pinging.Go(func() { r.probe(reading, conn) })
	}
	in := reader{run: r, conn: conn, session: session}
	err = in.read(ctx)
	over()
	pinging.Wait()
	if delivered = in.delivered; in.ready {
		r.opened(-1)
	}
	if err != nil {
		r.order.ended(conn, in.ready)
		r.closing.Go(func() { r.close(conn) })
	} else {
		r.closing.Go(func() { in.farewell(ctx) })
	}
	return delivered, err
}

// close waits until what came in is acknowledged and ends a connection.
func (r *run) close(conn *Conn) {
	<-r.order.idle(conn)
	conn.sayEnd()
	_ = conn.ws.Close()
}

// opened counts a connection that delivers, or one that does no longer.
func (l *Link) opened(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open += n
	if n > 0 {
		l.why = nil
	}
}

// reader reads one connection.
type reader struct {
	*run
	conn             *Conn
	session          Session
	ready, delivered bool
}

// sign is called at each sign of life.
func (r *reader) sign() {
	if r.ready { // else readyTimeout goes on
		_, every := r.session.Ping()
		r.conn.alive(2*every + 5*time.Second)
	}
}

// deliversNow notes that events come from now on.
func (r *reader) deliversNow(yes bool) {
	if yes && !r.ready {
		r.ready = true
		r.opened(1)
		r.order.opened(r.conn)
		r.sign()
	}
}

// read reads until the connection is over; nil: the platform wants another.
func (r *reader) read(ctx context.Context) error {
	r.conn.alive(readyTimeout)
	r.deliversNow(r.conn.Delivers)
	pong := r.conn.ws.PingHandler()
	r.conn.ws.SetPingHandler(func(data string) error { r.sign(); return pong(data) })
	r.conn.ws.SetPongHandler(func(data string) error {
		r.sign()
		if ping, err := strconv.Atoi(data); err == nil {
			r.order.answered(r.conn, ping)
		}
		return nil
	})
	for {
		_, message, err := r.conn.ws.ReadMessage()
		if err != nil {
			return failure.New(failure.Retry, "connection_lost", "the connection to the platform was lost", err)
		}
		frame, err := r.session.Read(ctx, message)
		if err != nil {
			return err
		}
		r.deliversNow(frame.Ready)
		r.sign()
		r.take(frame, len(message))
		if frame.Over {
			return nil
		}
	}
}

// take hands on what a message of so many bytes delivers.
func (r *reader) take(frame Frame, size int) {
	if frame.In == nil {
		return
	}
	r.delivered = true
	frame.In.Arrived = time.Now()
	frame.In.Size = max(frame.In.Size, int64(size))
	after := r.order.reads(r.conn, saidAt(frame.In))
	r.jobs[r.laneOf(frame.In)] <- job{r.conn, frame, after} // a full lane makes the platform wait
	r.order.read(r.conn)
}

// farewell ends a connection that the platform wants replaced. It is read on, and
// to its end, since what it had sent would come again behind what is said
// meanwhile. After our own word of the end nothing can be acknowledged any more,
// and so does come again.
func (r *reader) farewell(ctx context.Context) {
	defer r.close(r.conn)
	defer r.order.ended(r.conn, false)
	r.ready = false // signs of life prolong nothing any more
	r.order.leaving(r.conn)
	r.conn.alive(patient + farewellTimeout)
	reading, over := context.WithCancel(ctx)
	var helpers sync.WaitGroup
	defer helpers.Wait()
	defer over()
	helpers.Go(func() { r.probe(reading, r.conn) })
	helpers.Go(func() {
		select {
		case <-r.order.idle(r.conn):
			r.conn.sayEnd()
			r.conn.alive(farewellTimeout)
		case <-reading.Done():
		}
	})
	for {
		_, message, err := r.conn.ws.ReadMessage()
		if err != nil {
			return
		}
		frame, err := r.session.Read(ctx, message)
		if err != nil {
			return
		}
		r.take(frame, len(message))
	}
}

// laneOf keeps what belongs to one chat in one lane, and so in order.
func (l *Link) laneOf(in *platforms.Inbound) int {
	return int(maphash.String(l.seed, chatOf(in)) % lanes)
}

// work stores what comes in, and acknowledges it afterwards. It goes on while
// the server stops: what was read is stored.
func (r *run) work(ctx context.Context, jobs <-chan job, poke <-chan struct{}) {
	do := func(j job) {
		err := r.store(context.WithoutCancel(ctx), *j.frame.In)
		if err := j.acknowledge(err); err != nil {
			r.log.DebugContext(ctx, "an acknowledgement was not sent; the platform will deliver the event again", slog.Any("error", err))
		}
		r.order.stored(j.conn)
	}
	if r.number > 1 {
		inOrder(jobs, poke, r.order.wait, do)
		return
	}
	for j := range jobs { // one connection keeps the order
		do(j)
	}
}

func (j job) acknowledge(stored error) error {
	if j.frame.Ack == nil {
		return nil
	}
	m := j.frame.Ack(stored)
	if len(m.Data) == 0 {
		return nil
	}
	return j.conn.write(m)
}

func (r *run) store(ctx context.Context, in platforms.Inbound) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return r.deliver(ctx, in)
}

// probe asks how far a connection has been read whenever what came over another
// waits for that, until ctx ends.
func (r *run) probe(ctx context.Context, conn *Conn) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-conn.probes:
		}
		if conn.ping(strconv.Itoa(r.order.asks(conn))) != nil {
			return // the reader sees the end as well
		}
	}
}

// keepAlive pings until ctx ends.
func keepAlive(ctx context.Context, conn *Conn, session Session) {
	for {
		m, every := session.Ping()
		var err error
		if len(m.Data) > 0 {
			err = conn.write(m)
		} else {
			err = conn.ping("")
		}
		if err != nil || sleep(ctx, every) != nil {
			return // the reader sees the end as well
		}
	}
}
