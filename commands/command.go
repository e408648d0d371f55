package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/memory"
)

// Command is one chat command.
type Command struct {
	Name    string   // lower case, without the prefix
	Aliases []string // further names
	Usage   string   // its arguments as shown to people: "[key] [value]"
	Help    Text     // one line
	Run     func(ctx context.Context, c Call) (Answer, error)
}

// Call is one use of a command.
type Call struct {
	Name string // as the person typed it, without the prefix
	Rest string // the raw text after the name; its inner spacing is kept

	Conversation int64 // the id; 0 = there is none yet
	Key          conversation.Key
	Person       memory.Person
	Now          time.Time

	// Filled in by Registry.Run.
	Prefix   string
	Language Language
	Args     []string // Rest's words
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
}

// say returns the text in the call's language, filled in as by fmt.Sprintf.
func (c Call) say(t Text, args ...any) string {
	return fmt.Sprintf(t.in(c.Language), args...)
}

// usage answers a call with the wrong arguments.
func (c Call) usage(name, arguments string) Answer {
	return Answer{Text: c.say(Text{En: "Usage: %s%s %s", Zh: "用法：%s%s %s"}, c.Prefix, name, arguments)}
}
