package openai

import (
	"regexp"
	"strings"
)

// thoughtTags are what models put around their thoughts when they write them
// into the answer itself.
func thoughtTags() [][2]string {
	return [][2]string{
		{"<think>", "</think>"},
		{"<thinking>", "</thinking>"},
		{"<thought>", "</thought>"},
		{"<reasoning>", "</reasoning>"},
		{"<seed:think>", "</seed:think>"},
		{"◁think▷", "◁/think▷"},
		{"[think]", "[/think]"},
	}
}

const (
	tagStarts  = "<[◁" // what tags begin with
	longestTag = 16    // more than the bytes of any
)

// aloud are models that may begin with a thought and write only its end, since
// their chat templates write its beginning.
var aloud = regexp.MustCompile(`(?i)(^|[-_/:.])(r1|qwq|z1|think|thinking|reasoning|magistral)([-_/:.]|$)`)

// thoughts takes what a model only thinks out of a text that comes in pieces.
type thoughts struct {
	held  string // may be the beginning of a tag
	until string // the tag that ends the thought; "" = this is the answer
	bytes int    // of thoughts so far
	code  code
}

// take returns what of the next piece belongs to the answer. before reports that
// everything so far was a thought: its end came without its beginning.
func (t *thoughts) take(piece string) (answer string, before bool) {
	rest := t.held + piece
	t.held = ""
	var b strings.Builder
	for rest != "" {
		at, tag, end := t.next(rest)
		if at < 0 {
			keep := partOfTag(rest)
			t.put(&b, rest[:len(rest)-keep])
			t.held = rest[len(rest)-keep:]
			break
		}
		t.put(&b, rest[:at])
		literal := t.until == "" && t.code.inside()
		switch {
		case literal:
			t.put(&b, rest[at:at+len(tag)])
		case t.until != "":
			t.until = ""
		case end == "": // an end without its beginning
			t.bytes += b.Len()
			b.Reset()
			before, t.code = true, code{}
		default:
			t.until = end
		}
		rest = rest[at+len(tag):]
	}
	return b.String(), before
}

// rest returns what was held back, when nothing more comes.
func (t *thoughts) rest() string {
	var b strings.Builder
	t.put(&b, t.held)
	t.held = ""
	return b.String()
}

func (t *thoughts) put(b *strings.Builder, s string) {
	if t.until != "" {
		t.bytes += len(s)
		return
	}
	t.code.take(s)
	b.WriteString(s)
}

// next returns the first tag of s that means something here, and what ends the
// thought that it begins.
func (t *thoughts) next(s string) (at int, tag, end string) {
	for at = 0; ; at++ {
		step := strings.IndexAny(s[at:], tagStarts)
		if step < 0 {
			return -1, "", ""
		}
		at += step
		lower := asciiLower(s[at:min(len(s), at+longestTag)])
		if t.until != "" {
			if strings.HasPrefix(lower, t.until) {
				return at, t.until, ""
			}
			continue
		}
		for _, pair := range thoughtTags() {
			switch {
			case strings.HasPrefix(lower, pair[0]):
				return at, pair[0], pair[1]
			case strings.HasPrefix(lower, pair[1]):
				return at, pair[1], ""
			}
		}
	}
}

// partOfTag returns how many bytes at the end of s may begin a tag.
func partOfTag(s string) int {
	lower := asciiLower(s[max(0, len(s)-longestTag):])
	most := 0
	for _, pair := range thoughtTags() {
		for _, tag := range pair {
			for n := min(len(tag)-1, len(lower)); n > most; n-- {
				if strings.HasSuffix(lower, tag[:n]) {
					most = n
				}
			}
		}
	}
	return most
}

// asciiLower keeps the places of all bytes.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// code knows whether the end of a text stands in code, where a tag is only
// spoken of.
type code struct {
	ticks  int // in a row, at the end
	fenced bool
	inline bool
}

func (c *code) take(s string) {
	for _, r := range s {
		if r == '`' {
			c.ticks++
			continue
		}
		c.settle()
		if r == '\n' {
			c.inline = false
		}
	}
}

func (c *code) settle() {
	switch {
	case c.ticks >= 3:
		c.fenced = !c.fenced
	case c.ticks > 0 && !c.fenced:
		c.inline = !c.inline
	}
	c.ticks = 0
}

func (c *code) inside() bool {
	now := *c
	now.settle()
	return now.fenced || now.inline
}
