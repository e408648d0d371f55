package commands

import (
	"cmp"
	"context"
	"strings"

	"github.com/parley-bot/parley/memory"
)

// Language is one that answers are given in.
type Language string

// The languages that every text exists in.
const (
	English Language = "en"
	Chinese Language = "zh"
)

// Catalogue holds the texts of one language by key, with verbs as in fmt.
type Catalogue map[string]string

// languageOf reads a language from a BCP 47 tag or its name, "" when it is
// none that we have.
func languageOf(tag string) Language {
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

// Chosen returns the language that a person prefers, "" when it is none that we
// have, or none was ever chosen.
func (r *Registry) Chosen(ctx context.Context, p memory.Person) (Language, error) {
	preferred, _, err := r.memory.Preference(ctx, p, "language")
	return languageOf(preferred), err
}

// languageFor returns which one to answer in: the person's preference, else the
// platform's locale, else the configured one.
func (r *Registry) languageFor(ctx context.Context, c Call) (Language, error) {
	chosen, err := r.Chosen(ctx, c.Person)
	return cmp.Or(chosen, languageOf(c.Locale), r.language), err
}

// textsFor returns where to look for a text: the command's own, the room's, and
// what either has in English only.
func (r *Registry) textsFor(c *Command, l Language) []Catalogue {
	var list []Catalogue
	if c != nil {
		list = append(list, c.Texts[l])
	}
	list = append(list, r.texts[l])
	if c != nil {
		list = append(list, c.Texts[English])
	}
	return append(list, r.texts[English])
}
