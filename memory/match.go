package memory

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/parley-bot/parley/conversation/recall"
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

// Matcher says how well facts match a search. The best is the fact whose key
// is the whole text. Others are ranked as messages are (package recall), their
// keys counting twice; last come those that only start like a word of the search.
type Matcher struct {
	text  string
	whole string   // the search, folded
	terms []string // what is looked for in folded texts
}

// NewMatcher returns the matcher of a search.
func NewMatcher(text string) Matcher {
	m := Matcher{text: text, whole: Fold(text)}
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

// fieldEnd is found in no field: [Fold] leaves no control characters.
const fieldEnd = "\x01"

// Folded is what a search compares of a fact.
func Folded(key, value string) string { return Fold(key) + fieldEnd + Fold(value) }

// ranked is a fact that may match.
type ranked struct {
	place  int
	at     int64
	score  float64
	starts int // terms of the search that are found in it
}

func (r ranked) compare(other ranked) int {
	return cmp.Or(cmp.Compare(other.score, r.score), cmp.Compare(other.starts, r.starts), cmp.Compare(other.at, r.at), cmp.Compare(r.place, other.place))
}

const (
	wholeKey = 1e6 // more than any score
	// maxScored bounds how many facts are looked at word by word: those that hold
	// most terms of the search.
	maxScored = 500
)

// Best returns the places of those that match among facts, as [Folded] has
// them, the best first and of equal ones the newest.
func (m Matcher) Best(folded []string, at []int64) []int {
	var list []ranked
	for i, text := range folded {
		key, _, _ := strings.Cut(text, fieldEnd)
		r := ranked{place: i, at: at[i]}
		if key == m.whole {
			r.score = wholeKey
		}
		like := false
		for _, term := range m.terms {
			like = like || strings.Contains(text, beginning(term))
			if strings.Contains(text, term) {
				r.starts++
			}
		}
		if like {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, ranked.compare)
	texts := make([]string, min(maxScored, len(list)))
	for i := range texts {
		key, value, _ := strings.Cut(folded[list[i].place], fieldEnd)
		texts[i] = key + key + value
	}
	for i, score := range recall.Scores(m.text, texts) {
		list[i].score += score
	}
	list = slices.DeleteFunc(list, func(r ranked) bool { return r.starts == 0 && r.score == 0 })
	slices.SortFunc(list, ranked.compare)
	places := make([]int, len(list))
	for i, r := range list {
		places[i] = r.place
	}
	return places
}

// beginning is what a word that has the stem of a term begins with, too.
func beginning(term string) string {
	if len(term) > 4 && term[0] == ' ' && term[4] < utf8.RuneSelf {
		return term[:4]
	}
	return term
}
