package sentences

import "strings"

// Language is one that sentences are said in.
type Language string

// The languages that every sentence exists in.
const (
	English Language = "en"
	Chinese Language = "zh"
)

// LanguageOf reads a language from a BCP 47 tag or its name, "" when it is
// none that we have.
func LanguageOf(tag string) Language {
	tag = strings.ToLower(strings.TrimSpace(tag))
	main, _, _ := strings.Cut(strings.ReplaceAll(tag, "_", "-"), "-")
	switch main {
	case "en", "english", "英文", "英语":
		return English
	case "zh", "chinese", "中文", "汉语":
		return Chinese
	}
	return ""
}
