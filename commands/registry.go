package commands

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/parley-bot/parley/ai/profile"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/sentences"
	"github.com/parley-bot/parley/memory"
)

// Store is what commands need of the conversation store.
type Store interface {
	// Recent returns the last n messages, commands included, oldest first, with at
	// most so many characters of each text and "…" behind one that is longer.
	Recent(ctx context.Context, id int64, n, chars int) ([]conversation.Message, error)
	// ClearTx removes the messages and sets the counters to zero.
	ClearTx(ctx context.Context, tx database.Tx, id int64) error
	// RealmStats counts what is stored of one tenant of one platform.
	RealmStats(ctx context.Context, tenant, platform string) (conversations, messages int64, err error)
	// Get returns a conversation with its counters.
	Get(ctx context.Context, id int64) (*conversation.Conversation, error)
	// ExportUpTo returns a conversation and its export, "" when that has more bytes.
	ExportUpTo(ctx context.Context, id int64, bytes int) (*conversation.Conversation, string, error)
	// SetModelTx and SetPersonaTx set what a conversation uses; "" = the default.
	SetModelTx(ctx context.Context, tx database.Tx, id int64, model string) error
	SetPersonaTx(ctx context.Context, tx database.Tx, id int64, persona string) error
}

// Eraser erases what is kept about a person.
type Eraser interface {
	// Footprint counts what would be erased besides what memory keeps.
	Footprint(ctx context.Context, p memory.Person) (conversations, messages int64, err error)
	// AskTx notes that the person was told at that time what would be erased.
	AskTx(ctx context.Context, tx database.Tx, p memory.Person, at time.Time) error
	// Asked reports whether the person was told since that time.
	Asked(ctx context.Context, p memory.Person, since time.Time) (bool, error)
	// Selves returns the person, and whom else they were taken for.
	Selves(ctx context.Context, p memory.Person) ([]memory.Person, error)
	// EraseTx takes everything of somebody's Selves out of sight. Its rows, and
	// those of the event that asks for it, are removed once that event is answered.
	EraseTx(ctx context.Context, tx database.Tx, selves []memory.Person, eventID int64) error
}

// Budget is what is left of a bound on tokens.
type Budget struct {
	Chat        bool // everybody's in the chat; else the person's in all chats
	Left, Limit int64
	Reserved    int64 // for calls that are under way; part of what is not left
	Warning     int64 // at least so many percent are used; 0 = there is nothing to warn of
	Resets      time.Time
}

// Budgets tells how the budgets of a person and of a chat stand.
type Budgets func(ctx context.Context, p memory.Person, chatID string) ([]Budget, error)

// Spent tells how many tokens were used since a time.
type Spent interface {
	// Person is what a person has used in all chats.
	Person(ctx context.Context, p memory.Person, since time.Time) (int64, error)
}

// Bill is what a person's calls took since a time.
type Bill struct {
	Tokens int64
	Cached *int64   // of the tokens, from providers' caches; nil = not known
	Cost   *float64 // in the currency of the prices; nil = not known
}

// Bills returns a person's bill since a time, over all chats.
type Bills func(ctx context.Context, p memory.Person, since time.Time) (Bill, error)

// Options say what a registry works with.
type Options struct {
	Prefix   string   // what a command starts with, of any length; "" = "/"
	Language Language // "" = English
	Store    Store
	Memory   memory.Backend
	Eraser   Eraser

	Profile   *profile.Profile         // what may be chosen; nil = nothing
	Budgets   Budgets                  // nil = none
	Spent     Spent                    // nil = nothing is counted
	Bills     Bills                    // nil = nothing is known of costs
	Admins    func(memory.Person) bool // who rules the conversation of a room; nil = everybody in it
	MaxAnswer int                      // the most bytes of an answer; 0 = 64 KiB
	More      []Command                // further commands; a name that is taken replaces the command
}

// Registry holds the commands. It does not change once made and is safe for
// concurrent use.
type Registry struct {
	prefix   string
	language Language
	memory   memory.Backend
	admins   func(memory.Person) bool
	book     sentences.Book
	max      int            // bytes of an answer
	commands []Command      // in the order of the help
	byName   map[string]int // lower-case names and aliases → index in commands
}

// New returns a registry with every command.
func New(o Options) *Registry {
	r := &Registry{
		prefix:   cmp.Or(o.Prefix, "/"),
		language: cmp.Or(o.Language, English),
		memory:   o.Memory,
		admins:   o.Admins,
		book:     sentences.NewBook(),
		max:      cmp.Or(o.MaxAnswer, defaultMaxAnswer),
		byName:   map[string]int{},
	}
	chosen := cmp.Or(o.Profile, profile.New(profile.Options{}))
	for _, c := range []Command{
		help(r),
		save(o.Memory),
		load(o.Memory),
		remember(o.Memory),
		forget(o.Memory),
		kudos(o.Memory),
		leaderboard(o.Memory),
		history(o.Store, o.Memory),
		stats(o.Store, o.Memory),
		tokens(o),
		choice(o.Store, &chosen.Model, func(c Call) string { return c.Model }, Store.SetModelTx),
		choice(o.Store, &chosen.Persona, func(c Call) string { return c.Persona }, Store.SetPersonaTx),
		export(o.Store),
		stop(),
		decide(ApproveName),
		decide(DenyName),
		reset(o.Store),
		forgetMe(r, o.Eraser),
	} {
		r.add(c)
	}
	for _, c := range o.More {
		r.add(c)
	}
	return r
}

func (r *Registry) add(c Command) {
	at, taken := r.byName[c.Name]
	if taken {
		r.commands[at] = c
	} else {
		at = len(r.commands)
		r.commands = append(r.commands, c)
	}
	for _, name := range append([]string{c.Name}, c.Aliases...) {
		r.byName[name] = at
	}
}

// Name returns the lower-case name of the command that a typed name or alias
// means, "" when there is none.
func (r *Registry) Name(typed string) string {
	if i, ok := r.byName[strings.ToLower(typed)]; ok {
		return r.commands[i].Name
	}
	return ""
}

// Run carries out a command. One that does not exist is answered, not an error.
// No answer is longer than Options.MaxAnswer.
func (r *Registry) Run(ctx context.Context, c Call) (Answer, error) {
	c.Prefix, c.Args, c.admins, c.max = r.prefix, arguments(c.Rest), r.admins, r.max
	if i, ok := r.byName[strings.ToLower(c.Name)]; ok {
		c.command = &r.commands[i]
	}
	voice, err := r.Voice(ctx, c.Person, c.Locale)
	if err != nil {
		return Answer{}, err
	}
	c.Language, c.voice = voice.Language, r.speak(voice.Language, c.command)
	answer, err := r.run(ctx, c)
	if err != nil {
		return Answer{}, fmt.Errorf("command %s: %w", c.command.Name, err)
	}
	return c.within(answer), nil
}

func (r *Registry) run(ctx context.Context, c Call) (Answer, error) {
	if c.command == nil {
		return Answer{Text: r.unknown(c)}, nil
	}
	if text := c.refusal(); text != "" {
		return Answer{Text: text}, nil
	}
	return c.command.Run(ctx, c)
}

func (r *Registry) unknown(c Call) string {
	text := c.Say("unknown", c.Prefix, c.Name)
	if name := near(strings.ToLower(c.Name), r.names()); name != "" {
		text += "\n" + c.Say("unknown.near", c.Prefix, name)
	}
	return text
}
