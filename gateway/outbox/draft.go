package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// A reply may be shown while it is made, on a platform that can change a message
// (platforms.Streamer). The ledger is always a step ahead of the chat: the
// delivery and its first part are committed before the message is opened, its
// handle before it is changed. So whatever happens – a crash, another replica,
// another text – the same message goes on, and the turn's commit completes the
// delivery that is there. What nobody knows of is looked for like any other part.
//
// A draft costs nothing that is owed: where the platform is slow, refuses or is
// at its limits, the message stays as it is until the whole reply closes it, or
// is never opened and the reply is sent at once.

const (
	// slowestEdit is the least often that a growing message is changed.
	slowestEdit = 5 * time.Second
	// editsPerTake is more changes than one holder of a message ever makes.
	editsPerTake = 10_000

	opening = "?" // the handle of a message of which it is not known whether there is one
)

// Draft is a reply that the chat sees grow. It implements turn.Audience.
type Draft struct {
	box  *Outbox
	s    platforms.Streamer
	d    *Delivery
	base string // of its parts' keys
	hold func(ctx context.Context, tx database.Tx) error
	left func() time.Duration

	cancel context.CancelFunc
	ended  chan struct{} // closed: nothing more is shown

	mu    sync.Mutex
	text  strings.Builder
	fresh chan struct{} // there is more text; holds one token

	// These belong to run, and once it has ended to whoever has ended it.
	shown string
	opens bool   // something of it may be stored
	parts []part // as stored, the last one being its own
}

// Draft returns what shows d, of which everything but the reply is known, while it
// is made; nil where the platform cannot. hold fails in a transaction where the
// right to answer is lost, left tells for how long it is held.
func (b *Outbox) Draft(d *Delivery, eventKey []byte, hold func(context.Context, database.Tx) error, left func() time.Duration) *Draft {
	s, ok := b.Sender(d.Platform).(platforms.Streamer)
	if !ok || !s.Streams(d.Address) {
		return nil
	}
	return &Draft{box: b, s: s, d: d, base: baseKey(eventKey), hold: hold, left: left, ended: make(chan struct{}), fresh: make(chan struct{}, 1)}
}

// Begin implements turn.Audience.
func (g *Draft) Begin(ctx context.Context) {
	ctx, g.cancel = context.WithCancel(ctx)
	g.box.drafts.Store(g.d.ID, g)
	go func() {
		defer close(g.ended)
		g.run(ctx)
	}()
}

// Delta implements turn.Audience.
func (g *Draft) Delta(text string) {
	g.mu.Lock()
	g.text.WriteString(text)
	g.mu.Unlock()
	select {
	case g.fresh <- struct{}{}:
	default:
	}
}

// Stop implements turn.Audience.
func (g *Draft) Stop() (shown string) {
	g.cancel()
	<-g.ended
	return g.shown
}

// EndDraft ends the showing of a delivery that is being made, if there is any,
// and returns when nothing more is shown.
func (b *Outbox) EndDraft(id int64) {
	if g, ok := b.drafts.LoadAndDelete(id); ok {
		g.(*Draft).Stop() //nolint:errcheck,forcetypeassert // nothing else is put in
	}
}

func (g *Draft) run(ctx context.Context) {
	if !g.lasts(ctx) {
		return
	}
	if err := g.open(context.WithoutCancel(ctx)); err != nil {
		g.box.o.Logger.InfoContext(ctx, "a reply is not shown as it grows", slog.String("platform", g.d.Platform),
			slog.Int64("event", g.d.ID), slog.String("code", failure.CodeOf(err)), slog.Any("error", err))
		return
	}
	g.grow(ctx)
}

// lasts reports whether text still comes a while after the first.
func (g *Draft) lasts(ctx context.Context) bool {
	for _, wait := range []time.Duration{g.box.o.OpenAfter, 0} {
		select {
		case <-ctx.Done():
			return false
		case <-g.fresh:
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
		if wait > 0 { // what came meanwhile is not what came after
			select {
			case <-g.fresh:
			default:
			}
		}
	}
	return true
}

// head is what of the reply so far is shown in its first message.
func (g *Draft) head() string {
	g.mu.Lock()
	text := g.text.String()
	g.mu.Unlock()
	if strings.TrimSpace(text) == "" {
		return ""
	}
	return g.s.Split(text)[0]
}

// open has a message to grow: the one that an earlier attempt has opened, or a
// new one.
func (g *Draft) open(ctx context.Context) (err error) {
	g.opens = true
	if g.parts, err = g.box.loadParts(ctx, g.d.ID); err != nil {
		return err
	}
	if p := g.own(); p != nil {
		if p.handle == opening {
			return failure.New(failure.Ambiguous, "opened_before", unknowable, nil)
		}
		return g.box.take(ctx, g.d, p, g.hold)
	}
	switch text := g.head(); {
	case text == "", g.left() < SendLimit:
		return errTooLate
	case !g.box.pace.try(g.d.Platform, g.limits(platforms.CallOpen)):
		return errNoRoom
	default:
		return g.openWith(ctx, text)
	}
}

var (
	errTooLate error = failure.New(failure.Retry, "too_late", "there is no time to open a message", nil)
	errNoRoom  error = failure.New(failure.Retry, "no_room", "the platform's limits leave no room", nil)
)

func (g *Draft) openWith(ctx context.Context, text string) error {
	ctx, cancel := context.WithTimeout(ctx, SendLimit)
	defer cancel()
	kept := closed(g.parts)
	p := part{n: len(kept), key: partKey(g.base, len(kept)), state: sending, handle: opening, takes: 1, taken: true}
	if err := g.insert(ctx, &p, len(g.parts) == 0); err != nil {
		return err
	}
	g.parts = append(kept, p)
	own := g.own()
	g.d.tries++
	err := g.box.o.Circuits.Get(g.d.Platform).DoFor(g.d.who(), func() (err error) {
		own.handle, err = g.s.Open(ctx, g.d.Address, platforms.Part{Key: p.key, Text: text, EventIDs: g.d.EventIDs, Opened: true})
		return err
	})
	switch kind := failure.KindOf(err); {
	case err == nil:
		g.shown = text
	case kind == failure.Retry, kind == failure.Permanent: // certainly not shown
		own.handle, own.state, own.since = "", pending, time.Time{}
	default:
		own.handle, own.doubt = opening, true
		return err
	}
	stored := g.box.db.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx database.Tx) error {
		if err := g.hold(ctx, tx); err != nil { // somebody else goes on, from what they have found
			return err
		}
		return g.box.setState(ctx, tx, g.d, own, own.message())
	})
	if stored != nil { // whoever comes next looks for it
		own.handle, own.doubt = opening, true
		return stored
	}
	return err
}

// insert commits, under the lease, that there may be a message from now on.
func (g *Draft) insert(ctx context.Context, p *part, first bool) error {
	address, err := json.Marshal(g.d.Address)
	if err != nil {
		return fmt.Errorf("encode address: %w", err)
	}
	return g.box.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		if err := g.hold(ctx, tx); err != nil {
			return err
		}
		now, err := g.box.db.Clock(ctx, tx)
		if err != nil {
			return err
		}
		if first {
			_, err := g.box.db.Exec(ctx, tx, `INSERT INTO deliveries (id, lane_key, platform, address, text, state, outcome, error,
				message_id, tokens, created_at, updated_at) VALUES (?, ?, ?, ?, '', 'draft', ?, '', 0, 0, ?, ?)`,
				g.d.ID, g.d.LaneKey, g.d.Platform, string(address), string(Sent), now, now)
			if err != nil {
				return err
			}
		}
		return g.box.replaceParts(ctx, tx, g.d.ID, []part{*p}, now)
	})
}

// own is the part that grows, nil when there is none yet.
func (g *Draft) own() *part { return growing(g.parts) }

// growing returns the part that a reply has begun with and that has no text yet:
// nil when there is none.
func growing(parts []part) *part {
	if n := len(parts); n > 0 && parts[n-1].handle != "" && parts[n-1].text == "" && parts[n-1].state == sending {
		return &parts[n-1]
	}
	return nil
}

// closed returns the parts that interrupted attempts have left behind: they stay.
func closed(parts []part) []part {
	n := 0
	for n < len(parts) && parts[n].text != "" {
		n++
	}
	return parts[:n:n]
}

func (g *Draft) limits(c platforms.Call) []platforms.Limit { return g.box.limits(g.s, g.d, c) }

// grow changes the message as the reply grows.
func (g *Draft) grow(ctx context.Context) {
	usual := g.box.o.EditEvery
	if tempo, ok := g.s.(platforms.Tempo); ok {
		usual = tempo.EditEvery()
	}
	every := usual
	for last := time.Now(); ; {
		again := false
		select {
		case <-ctx.Done():
			return
		case <-g.fresh:
		case <-g.leftAlone():
			again = true
		}
		for due := every - time.Since(last); ; due = usual / 4 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(due):
			}
			if g.box.pace.try(g.d.Platform, g.limits(platforms.CallEdit)) {
				break
			}
			if time.Since(last) > slowestEdit {
				return
			}
		}
		if g.left() < SendLimit { // a platform without sequences would take it all the same
			continue
		}
		err := g.edit(context.WithoutCancel(ctx), again)
		switch {
		case failure.KindOf(err) == failure.Permanent && err != nil:
			return
		case err != nil:
			every = min(2*every, slowestEdit)
		default:
			every = usual
		}
		last = time.Now()
	}
}

// leftAlone tells when a message to which nothing was added has to be written again,
// so that it stays one that grows: never on most platforms.
func (g *Draft) leftAlone() <-chan time.Time {
	if k, ok := g.s.(platforms.Keeper); ok {
		return time.After(k.KeepEvery())
	}
	return nil
}

// edit makes what there is of the reply what the message shows; again: also where it
// shows that already.
func (g *Draft) edit(ctx context.Context, again bool) error {
	text := g.head()
	if text == g.shown && !again {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, SendLimit)
	defer cancel()
	p := g.own()
	err := g.s.Edit(ctx, g.d.Address, p.handle, text, p.seq())
	if err == nil {
		g.shown = text
	} else if limit := failure.ScopeOf(err); limit != "" {
		g.box.pace.hold(g.d.Platform, limit, failure.WaitOf(err))
	}
	return err
}

// seq is the sequence of the next change of a message that grows: higher than
// that of every change before, by whomever.
func (p *part) seq() int64 {
	p.changes++
	return p.takes*editsPerTake + p.changes
}

// take makes a message that grows this process's own.
func (b *Outbox) take(ctx context.Context, d *Delivery, p *part, hold func(context.Context, database.Tx) error) error {
	if p.taken {
		return nil
	}
	err := b.db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		if hold != nil {
			if err := hold(ctx, tx); err != nil {
				return err
			}
		}
		if _, err := b.db.Exec(ctx, tx, "UPDATE delivery_parts SET takes = takes + 1 WHERE delivery_id = ? AND n = ?", d.ID, p.n); err != nil {
			return err
		}
		return b.db.QueryRow(ctx, tx, []any{&p.takes}, "SELECT takes FROM delivery_parts WHERE delivery_id = ? AND n = ?", d.ID, p.n)
	})
	p.taken = err == nil
	return err
}

// Begun ends the showing of a delivery whose reply is made, and lets it go on in
// the message that there is, of this attempt or, where it is not the first one, of
// one before. An attempt may make several replies, if none before was committed.
func (b *Outbox) Begun(ctx context.Context, d *Delivery, first bool) (err error) {
	unsure := !first
	if found, ok := b.drafts.Load(d.ID); ok {
		g := found.(*Draft) //nolint:errcheck,forcetypeassert // as above
		g.Stop()
		d.tries += g.d.tries
		if g.parts != nil {
			d.begun = g.parts
			return nil
		}
		unsure = unsure || g.opens
	}
	if unsure {
		d.begun, err = b.loadParts(ctx, d.ID)
	}
	return err
}

// Leave closes the message of an attempt that was interrupted, as far as it was
// shown. The next attempt begins one of its own.
func (b *Outbox) Leave(ctx context.Context, id int64) {
	found, ok := b.drafts.LoadAndDelete(id)
	if !ok {
		return
	}
	g := found.(*Draft) //nolint:errcheck,forcetypeassert // as above
	shown := g.Stop()
	p := g.own()
	if p == nil || p.handle == opening || shown == "" || g.left() < SendLimit {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), SendLimit)
	defer cancel()
	p.text = shown
	err := g.s.Close(ctx, g.d.Address, p.handle, platforms.Part{Key: p.key, Text: p.text, EventIDs: g.d.EventIDs}, p.seq())
	if err == nil {
		p.state = sent
	}
	_ = b.db.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx database.Tx) error { // else the next attempt goes on with it
		if _, err := b.db.Exec(ctx, tx, "UPDATE delivery_parts SET text = ? WHERE delivery_id = ? AND n = ?", p.text, id, p.n); err != nil {
			return err
		}
		return b.setState(ctx, tx, g.d, p, p.message())
	})
}

// Withdraw takes away what is shown of a reply that was only begun.
func (b *Outbox) Withdraw(ctx context.Context, platform string, to platforms.Address, id int64) error {
	b.EndDraft(id)
	s, ok := b.Sender(platform).(platforms.Withdrawer)
	if !ok || !s.Streams(to) {
		return nil
	}
	parts, err := b.loadParts(ctx, id)
	if err != nil {
		return err
	}
	p := growing(parts)
	if p == nil || p.handle == opening {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, SendLimit)
	defer cancel()
	return s.Withdraw(ctx, to, p.handle)
}

// message is the platform's id of a message that grows.
func (p *part) message() string { return platforms.MessageOf(p.handle) }
