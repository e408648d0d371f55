package commands

import (
	"context"
	"strings"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/sentences"
	"github.com/parley-bot/parley/memory"
)

// Command is one chat command.
type Command struct {
	Name    string   // lower case, without the prefix
	Aliases []string // further names
	Usage   string   // its arguments as shown to people: "[key] [value]"
	Where   Where    // the zero value: everywhere
	// Allowed says who may use it; nil = everybody.
	Allowed func(c Call) bool
	// Texts are the command's own, by language; what is not here is looked for
	// in the catalogue of all. The line for the help is NAME.help.
	Texts map[Language]Catalogue
	Run   func(ctx context.Context, c Call) (Answer, error)
	// ForgetTx removes what the command itself keeps about a person, in the
	// commit of /forget-me; nil = nothing is kept.
	ForgetTx func(ctx context.Context, tx database.Tx, p memory.Person) error
}

// Where says in which chats a command works.
type Where uint8

// The places.
const (
	Everywhere  Where = iota
	PrivateOnly       // one person with the bot
	GroupOnly         // several people
)

// Call is one use of a command.
type Call struct {
	Name string // as the person typed it, without the prefix
	Rest string // the raw text after the name; its inner spacing is kept

	Conversation   int64 // the id; 0 = there is none yet
	Key            conversation.Key
	Model, Persona string // the conversation's own choice; "" = none
	Person         memory.Person
	SenderName     string // for display; may be empty
	UserKey        string // the person's, as the author of messages
	ChatID         string
	Group          bool          // several people read along
	Room           bool          // everybody in the chat shares the conversation
	Mentions       []Mention     // who is named in the text
	Locale         func() string // BCP 47, asked for unless the person has chosen; nil = nobody knows
	Event          string        // the same whenever this use is taken again, and of no other
	EventID        int64         // its number in the ledger; 0 = it stands in none
	At             time.Time     // when it arrived
	Now            time.Time
	Stopped        Stop // of /stop: what it has stopped when it arrived

	// Filled in by Registry.Run.
	Prefix   string
	Language Language
	Args     []string // Rest's words; "two words" in quotes are one

	command *Command
	admins  func(memory.Person) bool // nil = there are none
	voice   sentences.Voice
	max     int // bytes of the answer
}

// Mention is somebody whom a text names.
type Mention struct {
	ID   string // the sender id
	Text string // as it stands in the text: "@alice"
}

// Answer is what a command has to say and to store.
type Answer struct {
	Text string // plain text

	// Apply, when not nil, stores the command's effect in the turn's commit.
	// It may run twice and touches nothing but tx. conversationID is the
	// turn's conversation, 0 when there is none. The text it returns, when not
	// empty, takes the place of Text.
	Apply func(ctx context.Context, tx database.Tx, conversationID int64) (string, error)

	// Unkept means that neither the command nor its answer is stored as a message.
	Unkept bool
	// Forgets means that not even who has written is noted.
	Forgets bool
	// Kept is stored as the answer's message in place of a long Text; "" = Text itself.
	Kept string
	// Code means that Text is not prose but in this language ("json"): where
	// people read it in a chat, it stands in a code block.
	Code string
	// File, when not nil, is shown in place of Text where the chat takes files,
	// unless Apply returns a text.
	File *File
}

// File is an answer that people keep rather than read.
type File struct {
	Name    string // with its extension: "conversation.json"
	Content string // UTF-8, not empty
	// Kept is stored as the answer's message where the file is shown; "" =
	// what is stored without it.
	Kept string
}

// Say returns the text of that key in the call's language, filled in as by
// fmt.Sprintf. A key that is in no catalogue stands for itself.
func (c Call) Say(key string, args ...any) string { return c.voice.Say(key, args...) }

// Usage answers a call with the wrong arguments.
func (c Call) Usage() Answer {
	return Answer{Text: strings.TrimSpace(c.Say("usage", c.Prefix, c.command.Name, c.command.Usage))}
}

// rules reports whether the person may do what is everybody's concern: in a
// conversation of their own anything, in a room only an admin, as far as there are any.
func (c Call) rules() bool { return !c.Room || c.admins == nil || c.admins(c.Person) }

// refusal says why the command cannot be used by this person or here, "" when
// it can.
func (c Call) refusal() string {
	switch {
	case c.command.Where == PrivateOnly && c.Group:
		return c.Say("where.private", c.Prefix, c.command.Name)
	case c.command.Where == GroupOnly && !c.Group:
		return c.Say("where.group", c.Prefix, c.command.Name)
	case c.command.Allowed != nil && !c.command.Allowed(c):
		return c.Say("who", c.Prefix, c.command.Name)
	}
	return ""
}
