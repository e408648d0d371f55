package conversation

import (
	"context"
	"slices"
	"sync"
	"time"
)

// MemorySession is a [Session] that lives as long as the process. It is safe
// for concurrent use.
type MemorySession struct {
	id    string
	mu    sync.Mutex
	items []Item
}

// NewMemorySession returns an empty session.
func NewMemorySession(id string) *MemorySession { return &MemorySession{id: id} }

// ID returns the session's id.
func (s *MemorySession) ID() string { return s.id }

// Items returns the last limit items, oldest first; 0 = all.
func (s *MemorySession) Items(ctx context.Context, limit int) ([]Item, error) {
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	from := 0
	if limit > 0 {
		from = max(0, len(s.items)-limit)
	}
	return slices.Clone(s.items[from:]), ctx.Err()
}

// Add appends items, all or nothing.
func (s *MemorySession) Add(ctx context.Context, items ...Item) error {
	list, err := prepareItems(items, time.Now())
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = append(s.items, list...)
	return nil
}

// Pop removes and returns the newest item.
func (s *MemorySession) Pop(ctx context.Context) (Item, bool, error) {
	if err := ctx.Err(); err != nil {
		return Item{}, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.items) == 0 {
		return Item{}, false, nil
	}
	last := len(s.items) - 1
	it := s.items[last]
	s.items = slices.Delete(s.items, last, last+1)
	return it, true, nil
}

// Clear removes all items.
func (s *MemorySession) Clear(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = nil
	return nil
}
