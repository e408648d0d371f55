package commands

import (
	"context"
	"strings"
	"unicode"

	"github.com/parley-bot/parley/memory"
)

// maxFound is how many facts one search shows.
const maxFound = 20

// remember keeps a fact of the chat, shows one, or looks for some.
func remember(m memory.Backend) Command {
	return Command{
		Name: "remember", Usage: "[key] is [value]",
		Run: func(ctx context.Context, c Call) (Answer, error) {
			if text, ok := searchText(c.Rest); ok {
				return searchFacts(ctx, m, c, text)
			}
			key, value, ok := strings.Cut(c.Rest, " is ")
			key, value = strings.TrimSpace(key), strings.TrimSpace(value)
			switch {
			case key == "" || (ok && value == ""):
				return c.Usage(), nil
			case ok:
				return rememberFact(ctx, m, c, key, value)
			}
			return showFact(ctx, m, c, unquoted(key))
		},
	}
}

// searchText returns what "search TEXT" looks for. "search is …" is about the
// word itself, and so is "search" alone.
func searchText(rest string) (string, bool) {
	word, text := cutWord(rest)
	if !strings.EqualFold(word, "search") || text == "" {
		return "", false
	}
	if next, value := cutWord(text); next == "is" && value != "" {
		return "", false
	}
	return text, true
}

// unquoted returns s without the quotes around the whole of it.
func unquoted(s string) string {
	if inner, rest, ok := cutQuoted(s); ok && rest == "" {
		return inner
	}
	return s
}

func rememberFact(ctx context.Context, m memory.Backend, c Call, key, value string) (Answer, error) {
	key = unquoted(key)
	if key == "" {
		return c.Usage(), nil
	}
	return c.change(ctx, m, func(results []memory.Result) string {
		if !results[0].Done {
			return c.Say("remember.already", key, results[0].Old, c.Prefix)
		}
		return c.Say("remember.done", key, value)
	}, memory.Remember{Place: c.place(), Key: key, Value: value, Author: c.Person})
}

func showFact(ctx context.Context, m memory.Backend, c Call, key string) (Answer, error) {
	fact, ok, err := m.Fact(ctx, c.place(), key)
	switch {
	case err != nil:
		return Answer{}, err
	case !ok:
		return Answer{Text: c.Say("remember.none", key)}, nil
	}
	return Answer{Text: c.Say("remember.fact", fact.Key, fact.Value)}, nil
}

func searchFacts(ctx context.Context, m memory.Backend, c Call, text string) (Answer, error) {
	found, total, err := m.SearchFacts(ctx, c.place(), text, maxFound)
	if err != nil {
		return Answer{}, err
	}
	if len(found) == 0 {
		return Answer{Text: c.Say("remember.nothing.like", text)}, nil
	}
	lines := make([]string, 0, len(found)+1)
	for _, fact := range found {
		lines = append(lines, c.Say("remember.fact", fact.Key, fact.Value))
	}
	if more := total - len(found); more > 0 {
		lines = append(lines, c.Say("remember.more", more))
	}
	return Answer{Text: strings.Join(lines, "\n")}, nil
}

// forget removes a fact of the chat.
func forget(m memory.Backend) Command {
	return Command{
		Name: "forget", Usage: "[key]",
		Run: func(ctx context.Context, c Call) (Answer, error) {
			key := unquoted(c.Rest)
			if strings.TrimFunc(key, unicode.IsSpace) == "" {
				return c.Usage(), nil
			}
			change := memory.Forget{Place: c.place(), Key: key}
			if !c.rules() {
				change.Only = c.Person
			}
			return c.change(ctx, m, func(results []memory.Result) string {
				switch {
				case results[0].Done:
					return c.Say("forget.done", key)
				case results[0].Old != "":
					return c.Say("forget.others", key)
				}
				return c.Say("remember.none", key)
			}, change)
		},
	}
}
