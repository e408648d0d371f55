package recall

import (
	"hash/fnv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kljensen/snowball/english"
	"golang.org/x/text/unicode/norm"
)

// maxTerm bounds the bytes of a word that count. What is longer is no word.
const maxTerm = 64

// eachTerm calls word for each term of a text, in its order: the stem of a word,
// or a pair of neighbouring characters where a script has no blanks. single is
// called for each character of such a script.
func eachTerm(text string, word, single func(term string)) {
	if !norm.NFKC.IsNormalString(text) {
		text = norm.NFKC.String(text)
	}
	text = strings.ToLower(text)
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case unspaced(r):
			run := span(text, unspaced)
			pairs(text[:run], word, single)
			text = text[run:]
		case inWord(r):
			run := span(text, inWord)
			if term := stem(text[:run]); term != "" {
				word(term)
			}
			text = text[run:]
		default:
			text = text[size:]
		}
	}
}

// span returns how many bytes of text belong to characters of a kind.
func span(text string, kind func(rune) bool) int {
	if end := strings.IndexFunc(text, func(r rune) bool { return !kind(r) }); end >= 0 {
		return end
	}
	return len(text)
}

// inWord reports a character of a word. An apostrophe is within it.
func inWord(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.M, r) || apostrophe(r)) && !unspaced(r)
}

func apostrophe(r rune) bool { return r == '\'' || r == '’' }

// unspaced reports a character of a script that is written without blanks between words.
func unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

func pairs(run string, word, single func(string)) {
	for last := -1; len(run) > 0; {
		_, size := utf8.DecodeRuneInString(run)
		single(run[:size])
		_, next := utf8.DecodeRuneInString(run[size:])
		switch {
		case next > 0:
			word(run[:size+next])
		case last < 0: // it stands alone
			word(run[:size])
		}
		last, run = size, run[size:]
	}
}

// stem returns what is compared of a word: without apostrophes, and without
// what its grammar adds to it where it is English.
func stem(word string) string {
	word = strings.ReplaceAll(word, "’", "'")
	word = strings.TrimSuffix(strings.Trim(word, "'"), "'s")
	word = strings.ReplaceAll(word, "'", "")
	if len(word) > maxTerm || word == "" {
		return ""
	}
	for i := range len(word) {
		if word[i] < 'a' || word[i] > 'z' {
			return word
		}
	}
	return english.Stem(word, true)
}

// hashOf returns what is kept of a term.
func hashOf(term string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(term)) // never fails
	return h.Sum32()
}

// isQuestion reports a text that asks.
func isQuestion(text string) bool {
	return strings.ContainsAny(text, "?？")
}

// stopWords say nothing about what is looked for. They are left out of
// questions only: a question of nothing else keeps them.
//
//nolint:gochecknoglobals // a table that nothing changes
var stopWords = hashes(`a about above after again all am an and any are as at be because been before being below between
	both but by can cannot could did do does doing down during each few for from further had has have having he her here
	hers herself him himself his how i if in into is it its itself just me more most my myself no nor not of off on once
	only or other our ours ourselves out over own same she should so some such than that the their theirs them themselves
	then there these they this those through to too under until up very was we were what when where which while who whom
	why will with would you your yours yourself yourselves im youre hes shes weve ive dont didnt doesnt
	isnt wasnt arent werent cant couldnt wont wouldnt youve theyre thats whats
	的 了 是 吗 呢 吧 什么 怎么 哪里 哪个 多少 为什 我们 你们 他们 谁`)

func hashes(list string) map[uint32]bool {
	set := map[uint32]bool{}
	eachTerm(list, func(term string) { set[hashOf(term)] = true }, func(string) {})
	return set
}
