package session

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Memory is a [Session] that lives as long as the process. It is safe
// for concurrent use.
type Memory struct {
	id    string
	mu    sync.Mutex
	items []Item
}

// NewMemory returns an empty session.
func NewMemory(id string) *Memory { return &Memory{id: id} }

// ID returns the session's id.
func (s *Memory) ID() string { return s.id }

// Items returns the last limit items, oldest first; 0 = all.
func (s *Memory) Items(ctx context.Context, limit int) ([]Item, error) {
	if err := CheckLimit(limit); err != nil {
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
func (s *Memory) Add(ctx context.Context, items ...Item) error {
	list, err := Prepare(items, time.Now())
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
func (s *Memory) Pop(ctx context.Context) (Item, bool, error) {
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
func (s *Memory) Clear(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = nil
	return nil
}
