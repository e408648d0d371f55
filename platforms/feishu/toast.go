package feishu

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/larksuite/oapi-sdk-go/v3/event/dispatcher/callback"

	"github.com/parley-bot/parley/platforms"
)

const (
	// toastTime is how long the answer to a press waits for a word to say. Feishu
	// shows an error after three seconds.
	// https://open.feishu.cn/document/feishu-cards/card-callback-communication
	toastTime = 2 * time.Second
	// modelTime is the same of what a model may be asked for: that is not known to
	// need no word before it says something.
	modelTime = time.Second
	maxToasts = 1000 // that wait at once
)

// toasts are the presses whose callback is not answered yet: what is to be said
// to who pressed travels in that answer and needs no message.
type toasts struct {
	mu      sync.Mutex
	waiting map[string]*toast // by event id
}

type toast struct {
	word  chan string // holds one
	until time.Time
}

// open notes that a press waits until a time, nil where too many do.
func (t *toasts) open(eventID string, now time.Time, wait time.Duration) *toast {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) >= maxToasts {
		for id, one := range t.waiting { // those whose event could not be stored
			if now.After(one.until) {
				delete(t.waiting, id)
			}
		}
	}
	if len(t.waiting) >= maxToasts {
		return nil
	}
	if t.waiting == nil {
		t.waiting = map[string]*toast{}
	}
	one := &toast{word: make(chan string, 1), until: now.Add(wait)}
	t.waiting[eventID] = one
	return one
}

// give hands over what is to be said to who pressed, and reports whether a
// callback takes it along.
func (t *toasts) give(p platforms.Part, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range p.EventIDs {
		one := t.waiting[id]
		if one != nil && now.Before(one.until) {
			delete(t.waiting, id)
			one.word <- p.Text
			return true
		}
	}
	return false
}

// close ends a wait and returns what was said until then.
func (t *toasts) close(eventID string, one *toast) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting[eventID] == one {
		delete(t.waiting, eventID)
	}
	select {
	case word := <-one.word:
		return word
	default:
		return ""
	}
}

// late returns what answers a press, nil for any other event.
func (a *Adapter) late(ev *platforms.Event) func(settled context.Context) platforms.Answer {
	if ev.Press == nil || ev.Ignore != "" {
		return nil
	}
	id, wait := ev.ID, toastTime
	if ev.Press.Verb.Waits() {
		wait = modelTime
	}
	one := a.toasts.open(id, a.opts.Now(), wait)
	if one == nil {
		return nil
	}
	return func(settled context.Context) platforms.Answer {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		var word string
		select {
		case word = <-one.word:
		case <-timer.C:
			word = a.toasts.close(id, one)
		case <-settled.Done():
			word = a.toasts.close(id, one)
		}
		if word == "" {
			return jsonAnswer([]byte(`{}`))
		}
		body, err := json.Marshal(callback.CardActionTriggerResponse{Toast: &callback.Toast{Type: "info", Content: word}})
		if err != nil { // texts always marshal
			return jsonAnswer([]byte(`{}`))
		}
		return jsonAnswer(body)
	}
}
