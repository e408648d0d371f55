package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/parley-bot/parley/conversation"
)

const (
	barCells  = 30                     // characters of a full bar
	barPeriod = 100 * time.Millisecond // between two pictures of it
)

// bar shows on a terminal how far some work is. It overwrites its own line and
// takes it away in the end.
type bar struct {
	out   io.Writer
	what  string
	now   func() time.Time
	start time.Time

	mu    sync.Mutex
	last  time.Time // when it was drawn
	drawn bool
}

// progress starts a bar on stderr for what, and returns what to tell it and
// what ends it. Where stderr is no terminal it returns nil: nothing is written.
func (p *program) progress(what string) (tell conversation.Progress, end func()) {
	if !isTerminal(p.Err) {
		return nil, func() {}
	}
	b := newBar(raw(p.Err), what, time.Now)
	return b.tell, b.end
}

func newBar(out io.Writer, what string, now func() time.Time) *bar {
	start := now()
	return &bar{out: out, what: what, now: now, start: start, last: start}
}

// tell draws the bar unless it was drawn a moment ago. Work that is done at
// once is never shown. total is 0 where it is not known.
func (b *bar) tell(done, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.now()
	if at.Sub(b.last) < barPeriod {
		return
	}
	b.last, b.drawn = at, true
	_, _ = fmt.Fprintf(b.out, "\r\x1b[K%s %s %s", b.what, b.picture(done, total), at.Sub(b.start).Round(time.Second))
}

func (b *bar) picture(done, total int64) string {
	if total <= 0 {
		return fmt.Sprint(done)
	}
	done = min(max(done, 0), total)
	share := float64(done) / float64(total)
	full := int(share * barCells)
	return fmt.Sprintf("[%s%s] %3d %%", strings.Repeat("=", full), strings.Repeat(" ", barCells-full), int(share*100))
}

// end takes the bar away.
func (b *bar) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drawn {
		_, _ = io.WriteString(b.out, "\r\x1b[K")
	}
	b.drawn = false
}
