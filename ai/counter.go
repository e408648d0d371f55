package ai

import (
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
	return &counter{load: sync.OnceValue(codec.NewO200kBase)}
}

type counter struct {
	load func() *codec.Codec
}

func (c *counter) Count(text string) int64 {
	if text == "" {
		return 0
	}
	n, err := c.load().Count(text)
	if err != nil { // the text's splitting failed: about four bytes are a token
		return int64(len(text)/4 + 1)
	}
	return int64(n)
}
