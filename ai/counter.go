package ai

import (
	"hash/maphash"
	"sync"

	"github.com/tiktoken-go/tokenizer/codec"
)

// TokenCounter says how many tokens a text is. Count is at most the text's
// length in bytes, and safe for concurrent use.
type TokenCounter interface {
	Count(text string) int64
}

// NewCounter returns a counter with OpenAI's o200k vocabulary: exact for its
// current models, an estimate for the others. The vocabulary (some 6 MB, 20
// ms) is loaded on first use. Only the codec package is imported, so that the
// other vocabularies stay out of the binary.
func NewCounter() TokenCounter {
	return &counter{load: sync.OnceValue(codec.NewO200kBase), known: memo{seed: maphash.MakeSeed()}}
}

type counter struct {
	load  func() *codec.Codec
	known memo
}

func (c *counter) Count(text string) int64 {
	if text == "" {
		return 0
	}
	return c.known.get(text, func() int64 {
		n, err := c.load().Count(text)
		if err != nil { // the text's splitting failed: about four bytes are a token
			return int64(len(text)/4 + 1)
		}
		return int64(n)
	})
}

// memoSize is how many counts a generation of a memo holds.
const memoSize = 1 << 15

// memo keeps what was counted lately: each prompt holds what the one before held.
// Two generations bound it; the older one goes when the younger is full.
type memo struct {
	seed maphash.Seed

	mu         sync.Mutex
	young, old map[uint64]int64
}

func (m *memo) get(text string, count func() int64) int64 {
	key := maphash.String(m.seed, text)
	m.mu.Lock()
	n, ok := m.young[key]
	if !ok {
		n, ok = m.old[key]
	}
	m.mu.Unlock()
	if !ok {
		n = count()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.young) >= memoSize {
		m.old, m.young = m.young, nil
	}
	if m.young == nil {
		m.young = map[uint64]int64{}
	}
	m.young[key] = n
	return n
}
