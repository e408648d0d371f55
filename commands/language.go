package commands

import (
	"cmp"
	"context"
	"fmt"

	"github.com/parley-bot/parley/internal/sentences"
	"github.com/parley-bot/parley/memory"
)

// Language is one that answers are given in.
type Language = sentences.Language

// The languages that every text exists in.
const (
	English = sentences.English
	Chinese = sentences.Chinese
)

// Catalogue holds the texts of one language by key, with verbs as in fmt.
type Catalogue = sentences.Catalogue

// Voice returns who speaks to a person: in the language of their preference,
// else of the platform's locale (BCP 47), which is asked for only then, else the
// configured one. With an error comes a voice that does without the preference.
func (r *Registry) Voice(ctx context.Context, p memory.Person, locale func() string) (sentences.Voice, error) {
	preferred, _, err := r.memory.Preference(ctx, p, "language")
	if err != nil {
		err = fmt.Errorf("language of a person: %w", err)
	}
	chosen := sentences.LanguageOf(preferred)
	if chosen == "" && locale != nil {
		chosen = sentences.LanguageOf(locale())
	}
	return r.speak(cmp.Or(chosen, r.language), nil), err
}

// speak returns who says a command's texts, or those of all where it is nil.
func (r *Registry) speak(l Language, c *Command) sentences.Voice {
	if c == nil {
		return r.book.Voice(l, nil)
	}
	return r.book.Voice(l, c.Texts)
}
