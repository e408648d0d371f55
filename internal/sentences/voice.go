package sentences

import "fmt"

// Catalogue holds the texts of one language by key, with verbs as in fmt.
type Catalogue map[string]string

// Book holds the catalogue of every language. The zero value holds none; see [NewBook].
type Book struct {
	texts map[Language]Catalogue
}

// NewBook returns the catalogues of this room.
func NewBook() Book {
	return Book{texts: map[Language]Catalogue{English: englishTexts(), Chinese: chineseTexts()}}
}

// Voice returns who speaks that language. A text is looked for in own first,
// which may be nil, then in the book; English stands in for what only it has.
func (b Book) Voice(l Language, own map[Language]Catalogue) Voice {
	return Voice{Language: l, texts: []Catalogue{own[l], b.texts[l], own[English], b.texts[English]}}
}

// Say says the sentence of a key, filled in as by fmt.Sprintf.
type Say func(key string, args ...any) string

// Voice says sentences in one language; the zero value in English.
type Voice struct {
	Language Language
	texts    []Catalogue // where to look, in order
}

// Say is a [Say]. A key that is in no catalogue stands for itself.
func (v Voice) Say(key string, args ...any) string {
	if text, ok := v.find(key); ok {
		return fmt.Sprintf(text, args...)
	}
	return key
}

// Has reports whether there is a sentence for key.
func (v Voice) Has(key string) bool {
	_, ok := v.find(key)
	return ok
}

func (v Voice) find(key string) (string, bool) {
	if v.texts == nil {
		text, ok := englishTexts()[key]
		return text, ok
	}
	for _, texts := range v.texts {
		if text, ok := texts[key]; ok {
			return text, true
		}
	}
	return "", false
}
