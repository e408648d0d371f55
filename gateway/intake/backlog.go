package intake

import (
	"sync"

	"github.com/parley-bot/parley/internal/failure"
)

// perDelivery is what a delivery that waits to be stored costs beside its body,
// in bytes: its connection, its goroutine and what was parsed.
const perDelivery = 24 << 10

// CodeTooBusy is what is told to whom there is no room for.
const CodeTooBusy = "too_busy"

// backlog bounds what is verified and waits to be stored. When the database
// falls behind, platforms are told to send again before memory grows; and one
// source fills at most half of it, so that it does not shut out the others.
type backlog struct {
	limit int64 // bytes

	mu    sync.Mutex
	total int64
	by    map[string]int64 // source → bytes
}

func newBacklog(limit int64) *backlog {
	return &backlog{limit: limit, by: map[string]int64{}}
}

// enter takes room for a body of so many bytes, which leave gives back. The
// error is of kind failure.Unavailable. One delivery always has room.
func (b *backlog) enter(source string, body int64) (leave func(), err error) {
	n := body + perDelivery
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.total > 0 && b.total+n > b.limit || b.by[source] > 0 && b.by[source]+n > b.limit/2 {
		return nil, failure.New(failure.Unavailable, CodeTooBusy, "too many pending events; retry later", nil)
	}
	b.total += n
	b.by[source] += n
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.total -= n
		b.by[source] -= n
	}, nil
}
