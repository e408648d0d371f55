package memory

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxTerms bounds what a search compares; further words of it are ignored.
const maxTerms = 8

// Fold returns the text as searches see it: its words in lower case, each
// between single blanks, without punctuation. Forms that look the same are the
// same (NFKC), such as full-width letters and plain ones.
func Fold(text string) string {
	var b strings.Builder
	b.WriteByte(' ')
	blank := true
	for _, r := range norm.NFKC.String(text) {
		if r == '\'' || r == '’' { // within a word
			continue
		}
		if unicode.IsSpace(r) || unicode.IsPunct(r) || unicode.IsControl(r) {
			r = ' '
		}
		if r == ' ' && blank {
			continue
		}
		blank = r == ' '
		b.WriteRune(unicode.ToLower(r))
	}
	if !blank {
		b.WriteByte(' ')
	}
	return b.String()
}

// unspaced reports a character of a script that is written without blanks between words.
func unspaced(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// Matcher says how well facts match a search. A fact matches when a word in
// its key or value starts with a word of the search; where words have no
// blanks between them, as in Chinese, when it holds two neighbouring
// characters of the search. Best is the key that is the whole text, then keys
// that start with it, then more words found in the key, then more in the value.
type Matcher struct {
	whole string   // the search, folded
	terms []string // what is looked for in folded texts
}

// NewMatcher returns the matcher of a search.
func NewMatcher(text string) Matcher {
	m := Matcher{whole: Fold(text)}
	for word := range strings.FieldsSeq(m.whole) {
		for _, term := range terms(word) {
			if len(m.terms) < maxTerms && !slices.Contains(m.terms, term) {
				m.terms = append(m.terms, term)
			}
		}
	}
	return m
}

// terms returns what to look for to find a word: its start, or pairs of its
// characters where a word's start cannot be seen.
func terms(word string) []string {
	runes := []rune(word)
	var list []string
	for start := 0; start < len(runes); {
		end := start + 1
		dense := unspaced(runes[start])
		for end < len(runes) && unspaced(runes[end]) == dense {
			end++
		}
		list = append(list, termsOf(runes[start:end], dense)...)
		start = end
	}
	return list
}

func termsOf(run []rune, dense bool) []string {
	if !dense {
		return []string{" " + string(run)}
	}
	if len(run) == 1 {
		return []string{string(run)}
	}
	list := make([]string, 0, len(run)-1)
	for i := range len(run) - 1 {
		list = append(list, string(run[i:i+2]))
	}
	return list
}

// Empty reports whether nothing can match, since there are no words in the search.
func (m Matcher) Empty() bool { return len(m.terms) == 0 }

// What the parts of a rank weigh.
const (
	rankWhole  = 20_000
	rankPrefix = 10_000
	rankKey    = 100
)

// Rank returns how well a fact matches, 0 when it does not. It takes its key
// and value as [Fold] returns them.
func (m Matcher) Rank(key, value string) int {
	rank := 0
	for _, term := range m.terms {
		if strings.Contains(key, term) {
			rank += rankKey
		}
		if strings.Contains(value, term) {
			rank++
		}
	}
	switch {
	case len(m.terms) == 0:
		return 0
	case key == m.whole:
		rank += rankWhole
	case strings.HasPrefix(key, m.prefix()):
		rank += rankPrefix
	}
	return rank
}

// prefix is what a key starts with that starts with the whole text.
func (m Matcher) prefix() string { return strings.TrimSuffix(m.whole, " ") }
