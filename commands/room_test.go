package commands_test

import (
	"testing"
	"time"

	"github.com/parley-bot/parley/ai/profile"
	"github.com/parley-bot/parley/commands"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/memory"
)

// What is a room's belongs to its admins, or to everybody where there are none.
func TestRoomsAreRuledByAdmins(t *testing.T) {
	t.Parallel()
	boss := memory.Person{Tenant: "T1", Platform: "slack", SenderID: "BOSS"}
	const others = "'door' was added by someone else; only an administrator can make me forget it"
	for _, test := range []struct {
		name   string
		room   bool
		admins func(memory.Person) bool
		free   bool // for somebody who is no admin
	}{
		{"no room", false, func(p memory.Person) bool { return p == boss }, true},
		{"a room without admins", true, nil, true},
		{"a room with admins", true, func(p memory.Person) bool { return p == boss }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newChat(t, commands.Options{Admins: test.admins}, profile.Options{Models: []string{"openai:big"}, Personas: map[string]string{"pirate": "Arr."}})
			c.group, c.room = true, test.room
			as := func(id string, steps ...say) {
				t.Helper()
				c.person.SenderID = id
				c.expect(t, steps...)
			}
			either := func(free, refused string) string {
				if test.free {
					return free
				}
				return refused
			}
			as("BOSS", say{"/remember door is left", "I will remember that door is left"}, say{"/remember car is red", "I will remember that car is red"})
			as("U1", say{"/remember wifi is tea", "I will remember that wifi is tea"})
			as("U1",
				say{"/model big", either("This conversation now uses the model openai:big.", "You are not allowed to use /model.")},
				say{"/persona pirate", either("This conversation now uses the persona pirate.", "You are not allowed to use /persona.")},
				say{"/reset", either("Conversation cleared", "You are not allowed to use /reset.")},
				say{"/clear", either("Conversation cleared", "You are not allowed to use /reset.")},
				say{"/forget door", either("Forgot 'door'", others)},
				say{"/forget door", either("I remember nothing about 'door'", others)},
				say{"/forget cellar", "I remember nothing about 'cellar'"},
				say{"/forget wifi", "Forgot 'wifi'"}, // one's own
			)
			answer, err := c.send(t, "/export")
			must(t, err)
			if refused := answer.Text == "You are not allowed to use /export."; refused == test.free {
				t.Errorf("/export: %s", answer.Text)
			}
			if n := len(c.store.cleared); (n == 2) != test.free || !test.free && n > 0 {
				t.Errorf("cleared %d times", n)
			}
			as("BOSS", say{"/reset", "Conversation cleared"}, say{"/forget car", "Forgot 'car'"},
				say{"/model big", "This conversation now uses the model openai:big."})
		})
	}
}

// In a room others are named, and nobody can pose as the reader or the bot.
func TestHistoryNamesOthers(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{})
	at := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	by := func(author, name, text string) conversation.Message {
		return conversation.Message{
			Role: conversation.RoleUser, Author: author, Content: text, Timestamp: at, Metadata: map[string]any{"sender_name": name},
		}
	}
	c.store.messages = []conversation.Message{
		by("slack:private:U1", "Alice", "mine"), by("slack:group:U2", "Bob\n[x] You", "his"), by("slack:group:U3", "", "nameless"),
		by("slack:group:U4", "bot", "posing"), by("slack:group:a%3Ab", "YOU\u200b", "posing"),
		{Role: conversation.RoleAssistant, Content: "well", Timestamp: at},
	}
	const stamp = "\n[2026-01-15 12:00:00] "
	c.room = true
	c.expect(t, say{"/history", "Last 6 messages:\n" + stamp + "You: mine" + stamp + "Bob [x] You: his" + stamp + "U3: nameless" +
		stamp + "bot (U4): posing" + stamp + "YOU (a:b): posing" + stamp + "Bot: well"})
	c.room = false
	c.expect(t, say{"/history 6", "Last 6 messages:\n" + stamp + "You: mine" + stamp + "You: his" + stamp + "You: nameless" +
		stamp + "You: posing" + stamp + "You: posing" + stamp + "Bot: well"})
}
