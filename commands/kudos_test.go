package commands_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/parley-bot/parley/commands"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/memory/memorytest"
)

// wrote makes the memory know a person by name who has written in a group.
func (c *chat) wrote(t *testing.T, id, name, group string) {
	t.Helper()
	p := c.person
	p.SenderID = id
	c.learn(t, memory.Effect{ID: "wrote " + id + name + group, At: time.Now()}, memory.Seen{Person: p, Name: name},
		memory.AddScore{Place: memory.PlaceOf(p, true, group), Board: memory.Messages, Person: p, N: 1})
}

// learn has the memory learn something.
func (c *chat) learn(t *testing.T, e memory.Effect, changes ...memory.Change) {
	t.Helper()
	_, err := memorytest.Apply(t.Context(), c.db, c.memory, e, changes...)
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestKudos(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{})
	c.group = true
	c.wrote(t, "U2", "Bob", "C1")
	c.expect(t,
		say{"/kudos", "You have 0 kudos"},
		say{"/leaderboard", "Nobody is on the board yet"},
		say{"/kudos @carol", "@carol now has 1 kudos"},
		say{"/kudos @U2 for the  long talk", "@Bob now has 1 kudos"},
		say{"/kudos @U2", "@Bob now has 2 kudos"},
		say{"/kudos @U1", "You cannot give kudos to yourself"},
		say{"/kudos carol", "Usage: /kudos @user [for reason]"},
		say{"/kudos @", "Usage: /kudos @user [for reason]"},
		say{"/kudos @carol great", "Usage: /kudos @user [for reason]"},
		say{"/leaderboard", "🥇 Bob – 2\n🥈 carol – 1"},
	)
	c.person.SenderID = "U2"
	c.expect(t, say{"/kudos", "You have 2 kudos\n– the  long talk"})
	c.group = false
	c.expect(t, say{"/kudos", "You have 0 kudos"}, say{"/leaderboard", "Nobody is on the board yet"})
}

// What somebody is called in other chats is not told, by whatever way.
func TestKudosTellNoName(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{})
	c.group = true
	c.wrote(t, "U2", "Robert Secret", "C2")
	c.expect(t,
		say{"/kudos @U2", "@U2 now has 1 kudos"},
		say{"/leaderboard", "🥇 U2 – 1"},
	)
	c.wrote(t, "U2", "Robert S.", "C2")
	c.expect(t, say{"/leaderboard", "🥇 U2 – 1"})
	c.wrote(t, "U2", "Robert S.", "C1")
	c.expect(t,
		say{"/kudos @U2", "@Robert S. now has 2 kudos"},
		say{"/leaderboard", "🥇 Robert S. – 2"},
	)
	c.group = false
	c.expect(t, say{"/kudos @U2", "@U2 now has 1 kudos"}, say{"/leaderboard", "🥇 U2 – 1"})
}

// A name cannot forge a line, also one that an earlier version has kept.
func TestNamesAreOneLineOnBoards(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{})
	c.group = true
	c.wrote(t, "U2", "Bob\n🥇 Eve – 99\u202e", "C1")
	c.mentions = []commands.Mention{{ID: "U3", Text: "@Eve\u2028Mallory"}}
	c.expect(t,
		say{"/leaderboard messages", "🥇 Bob 🥇 Eve – 99 – 1"},
		say{"/kudos @U2", "@Bob 🥇 Eve – 99 now has 1 kudos"},
		say{"/kudos @Eve\u2028Mallory", "@Eve Mallory now has 1 kudos"},
	)
}

// Whom a platform says that the text names is who gets the kudos, also under a
// name with spaces, one that begins like another, or one of one's own.
func TestKudosFollowMentions(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{})
	c.group, c.name = true, "Alice"
	c.mentions = []commands.Mention{
		{ID: "ou_1", Text: "@Tom"}, {ID: "ou_2", Text: "@Tom Smith"}, {ID: "U9", Text: "@U9"}, {ID: "U1", Text: "@me myself"},
	}
	c.expect(t,
		say{"/kudos @Tom Smith for help", "@Tom Smith now has 1 kudos"},
		say{"/kudos @Tom for help", "@Tom now has 1 kudos"},
		say{"/kudos @Tom Smith", "@Tom Smith now has 2 kudos"},
		say{"/kudos @U9", "@U9 now has 1 kudos"},
		say{"/kudos @me myself", "You cannot give kudos to yourself"},
		say{"/kudos @alice", "You cannot give kudos to yourself"},
		say{"/leaderboard", "🥇 Tom Smith – 2\n🥈 Tom – 1\n🥉 U9 – 1"},
	)
}

func TestLeaderboard(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{})
	c.group = true
	now := time.Date(2026, 3, 18, 12, 0, 0, 0, time.UTC) // a Wednesday
	c.now = func() time.Time { return now }
	score := func(at time.Time, b memory.Board, id string, n int64) {
		p := c.person
		p.SenderID = id
		c.events++
		c.learn(t, memory.Effect{ID: fmt.Sprint("score", c.events), At: at},
			memory.AddScore{Place: memory.PlaceOf(c.person, true, "C1"), Board: b, Person: p, N: n})
	}
	for i := range 12 {
		score(now, memory.Messages, fmt.Sprintf("p%02d", i), int64(100-i))
	}
	score(now, memory.Tokens, "today", 1)
	score(now.AddDate(0, 0, -2), memory.Tokens, "monday", 2)
	score(now.AddDate(0, 0, -3), memory.Tokens, "sunday", 3)
	score(now.AddDate(0, -1, 0), memory.Tokens, "february", 4)
	c.expect(t,
		say{"/leaderboard messages", "🥇 p00 – 100\n🥈 p01 – 99\n🥉 p02 – 98\n4. p03 – 97\n5. p04 – 96\n6. p05 – 95\n7. p06 – 94\n8. p07 – 93\n9. p08 – 92\n10. p09 – 91"},
		say{"/leaderboard tokens day", "🥇 today – 1"},
		say{"/leaderboard WEEK Tokens", "🥇 monday – 2\n🥈 today – 1"},
		say{"/leaderboard tokens month", "🥇 sunday – 3\n🥈 monday – 2\n🥉 today – 1"},
		say{"/leaderboard tokens all", "🥇 february – 4\n🥈 sunday – 3\n🥉 monday – 2\n4. today – 1"},
		say{"/leaderboard year", "Usage: /leaderboard [kudos|messages|tokens] [day|week|month|all]"},
		say{"/leaderboard kudos tokens", "Usage: /leaderboard [kudos|messages|tokens] [day|week|month|all]"},
		say{"/leaderboard kudos day", "Nobody is on the board yet"},
	)
}
