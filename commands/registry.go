package commands

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"unicode"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/memory"
)

// Store is what commands need of the conversation store.
type Store interface {
	// Recent returns the last n messages, commands included, oldest first.
	Recent(ctx context.Context, id int64, n int) ([]conversation.Message, error)
	// ClearTx removes the messages and sets the counters to zero.
	ClearTx(ctx context.Context, tx database.Tx, id int64) error
	// TenantStats counts what is stored of one tenant.
	TenantStats(ctx context.Context, tenant string) (conversations, messages int64, err error)
}

// Memory is what commands need to know about people.
type Memory interface {
	SetPreferenceTx(ctx context.Context, tx database.Tx, p memory.Person, key, value string) error
	Preference(ctx context.Context, p memory.Person, key string) (value string, ok bool, err error)
	People(ctx context.Context, tenant string) (int64, error)
}

// Options say what a registry works with.
type Options struct {
	Prefix   string   // what a command starts with, of any length; "" = "/"
	Language Language // "" = English
	Store    Store
	Memory   Memory
}

// Registry holds the commands. It does not change once made and is safe for
// concurrent use.
type Registry struct {
	prefix   string
	language Language
	commands []Command      // in the order of the help
	byName   map[string]int // lower-case names and aliases → index in commands
}

// New returns a registry with every command.
func New(o Options) *Registry {
	r := &Registry{
		prefix:   cmp.Or(o.Prefix, "/"),
		language: cmp.Or(o.Language, English),
		byName:   map[string]int{},
	}
	r.commands = []Command{
		help(r),
		save(o.Memory),
		load(o.Memory),
		history(o.Store, o.Memory),
		stats(o.Store, o.Memory),
		reset(o.Store),
	}
	for i, c := range r.commands {
		for _, name := range append([]string{c.Name}, c.Aliases...) {
			r.byName[name] = i
		}
	}
	return r
}

// Prefix returns what a command starts with. A platform's native command
// ("save city Paris") is the text Prefix() + "save city Paris".
func (r *Registry) Prefix() string { return r.prefix }

// Is reports whether the text is a command, known or not: it starts with the
// prefix, and something follows right after.
func (r *Registry) Is(text string) bool {
	name, _ := r.Parse(text)
	return name != ""
}

// Parse splits a command into its name, as typed, and the raw text after it,
// trimmed at both ends. The name of a text that is no command is empty.
func (r *Registry) Parse(text string) (name, rest string) {
	text, ok := strings.CutPrefix(text, r.prefix)
	if !ok {
		return "", ""
	}
	name, rest = cutWord(text)
	if name == "" {
		return "", ""
	}
	return name, rest
}

// Run carries out a command. One that does not exist is answered, not an error.
func (r *Registry) Run(ctx context.Context, c Call) (Answer, error) {
	c.Prefix, c.Language, c.Args = r.prefix, r.language, strings.Fields(c.Rest)
	i, ok := r.byName[strings.ToLower(c.Name)]
	if !ok {
		return Answer{Text: c.say(Text{
			En: "Unknown command: %[1]s%[2]s. Send %[1]shelp to see available commands.",
			Zh: "未知命令：%[1]s%[2]s。发送 %[1]shelp 查看可用命令。",
		}, c.Prefix, c.Name)}, nil
	}
	answer, err := r.commands[i].Run(ctx, c)
	if err != nil {
		return Answer{}, fmt.Errorf("command %s: %w", r.commands[i].Name, err)
	}
	return answer, nil
}

// cutWord splits s after its first word; s that starts with a space has none.
// The rest is trimmed and otherwise as it was.
func cutWord(s string) (word, rest string) {
	if end := strings.IndexFunc(s, unicode.IsSpace); end >= 0 {
		return s[:end], strings.TrimSpace(s[end:])
	}
	return s, ""
}
