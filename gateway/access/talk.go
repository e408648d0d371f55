package access

import (
	"container/list"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/parley-bot/parley/internal/shorten"
	"github.com/parley-bot/parley/platforms"
)

const (
	// minute is what replies are counted in, and for how long somebody who had too
	// many is not answered.
	minute = time.Minute
	// prompt is how soon after our reply a program answers.
	prompt = 10 * time.Second
	// echoes and sames are after how many prompt messages in a row it is taken for
	// one: such as repeat our reply, or are all the same. People do neither.
	echoes = 5
	sames  = 20
	// loopRest is for how long a loop is left alone.
	loopRest = 10 * time.Minute
	// maxTalks bounds how many people are watched in how many chats; who was quiet
	// for longest is forgotten.
	maxTalks = 10_000
	// maxKept bounds what is kept of a text, in bytes, and minEcho is what it must
	// have at least to be known again inside another.
	maxKept = 400
	minEcho = 20
)

// talks watches what one person and the bot say in one chat. Each process has its own.
type talks struct {
	limit int // replies a minute; 0 = no limit

	mu  sync.Mutex
	by  map[place]*list.Element // of *talk
	old *list.List              // the last one first
}

// place is one person in one chat.
type place struct{ platform, tenant, chat, sender string }

type talk struct {
	place

	replies     []time.Time // of the last minute, oldest first
	silentUntil time.Time
	reason      string // of the silence

	reply, text string // the last ones, as comparable makes them
	replyAt     time.Time
	echo, same  int // prompt messages in a row
}

func newTalks(limit int) *talks {
	return &talks{limit: limit, by: map[place]*list.Element{}, old: list.New()}
}

// of returns the talk of an event; t.mu is held.
func (t *talks) of(e *platforms.Event) *talk {
	p := place{e.Platform, e.Tenant, e.ChatID, e.SenderID}
	if at, ok := t.by[p]; ok {
		t.old.MoveToFront(at)
		return at.Value.(*talk) //nolint:errcheck,forcetypeassert // nothing else is put in
	}
	if t.old.Len() >= maxTalks {
		last := t.old.Back()
		delete(t.by, t.old.Remove(last).(*talk).place) //nolint:errcheck,forcetypeassert // as above
	}
	one := &talk{place: p}
	t.by[p] = t.old.PushFront(one)
	return one
}

// meet returns why an event is ignored, "" when it is not, and whether a silence
// begins with it.
func (t *talks) meet(e *platforms.Event, now time.Time) (reason string, begun bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.of(e)
	if now.Before(one.silentUntil) {
		return one.reason, false
	}
	switch {
	case one.loops(e, now):
		one.reason, one.silentUntil = "a loop: two programs keep answering each other", now.Add(loopRest)
		one.echo, one.same = 0, 0
	case t.limit > 0 && one.lately(now) >= t.limit:
		one.reason, one.silentUntil = fmt.Sprintf("too many messages: no replies for a minute (access.max_replies_per_minute is %d)", t.limit), now.Add(minute)
	default:
		return "", false
	}
	return one.reason, true
}

// lately returns how many replies there were in the last minute.
func (o *talk) lately(now time.Time) int {
	for len(o.replies) > 0 && now.Sub(o.replies[0]) >= minute {
		o.replies = o.replies[1:]
	}
	return len(o.replies)
}

// loops reports whether the message is one too many of those with which a program
// answers our answers.
func (o *talk) loops(e *platforms.Event, now time.Time) bool {
	text := essence(e.Text)
	soon := !o.replyAt.IsZero() && now.Sub(o.replyAt) <= prompt
	o.echo = next(o.echo, soon && o.reply != "" && (text == o.reply || len(o.reply) >= minEcho && strings.Contains(text, o.reply)))
	o.same = next(o.same, soon && text == o.text && text != "")
	o.text = text
	return o.echo >= echoes || o.same >= sames
}

func next(n int, again bool) int {
	if !again {
		return 0
	}
	return n + 1
}

func (t *talks) replied(e *platforms.Event, text string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.of(e)
	one.reply, one.replyAt = essence(text), now
	if t.limit > 0 {
		one.lately(now)
		one.replies = append(one.replies, now)
	}
}

// essence leaves of a text what a platform does not change.
func essence(text string) string {
	if len(text) > 4*maxKept {
		text = shorten.Bytes(text, 4*maxKept)
	}
	text = strings.ToLower(strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return r <= ' ' || r == utf8.RuneError || strings.ContainsRune("*_~`>#|-", r)
	}), " "))
	if len(text) > maxKept {
		text = shorten.Bytes(text, maxKept)
	}
	return text
}
