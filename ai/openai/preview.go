package openai

import (
	"sync"
	"time"
)

// firstHold is how long the beginning of an answer is held back: where a model
// has switched its thoughts off, some servers send the end of an empty one first.
const firstHold = 200 * time.Millisecond

// preview passes on the pieces of an answer as they come, once it is known that
// they are no thoughts. Nothing is passed on after it was closed.
type preview struct {
	mu     sync.Mutex
	out    func(string)
	wait   time.Duration // 0 = until it is opened
	timer  *time.Timer
	held   []string
	open   bool
	closed bool
}

func (p *preview) say(piece string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed || piece == "":
	case p.open:
		p.out(piece)
	default:
		p.held = append(p.held, piece)
		if p.timer == nil && p.wait > 0 {
			p.timer = time.AfterFunc(p.wait, p.pass)
		}
	}
}

// pass passes on what is held back, and from now on every piece at once.
func (p *preview) pass() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	for _, piece := range p.held {
		p.out(piece)
	}
	p.held, p.open = nil, true
}

// forget drops what is held back: it was a thought.
func (p *preview) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = nil
}

func (p *preview) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held, p.closed = nil, true
	if p.timer != nil {
		p.timer.Stop()
	}
}
