package commands

// Language is one that answers are given in.
type Language string

// The languages that every text exists in.
const (
	English Language = "en"
	Chinese Language = "zh"
)

// Text is the same sentence in every language, with verbs as in fmt.
type Text struct{ En, Zh string }

// in returns the text in the language; English when the language is unknown.
func (t Text) in(l Language) string {
	if l == Chinese {
		return t.Zh
	}
	return t.En
}
