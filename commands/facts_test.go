package commands_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parley-bot/parley/commands"
	"github.com/parley-bot/parley/memory"
)

func TestRememberAndForget(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{})
	c.expect(t,
		say{"/remember", "Usage: /remember [key] is [value]"},
		say{"/remember is", "I remember nothing about 'is'"},
		say{"/remember the door code is 42", "I will remember that the door code is 42"},
		say{"/remember the door code", "the door code is 42"},
		say{"/remember the door code is 43", "I already remember that the door code is 42. Send /forget the door code first."},
		say{"/remember lunch is what it  is Today", "I will remember that lunch is what it  is Today"},
		say{"/remember lunch", "lunch is what it  is Today"},
		say{"/remember what this means is a lot", "I will remember that what this means is a lot"},
		say{"/remember search", "I remember nothing about 'search'"},
		say{"/remember search is on", "I will remember that search is on"},
		say{"/remember search", "search is on"},
		say{"/remember search door", "the door code is 42"},
		say{"/remember search zebra crossing", "I remember nothing like 'zebra crossing'"},
		say{"/forget", "Usage: /forget [key]"},
		say{"/forget the door code", "Forgot 'the door code'"},
		say{"/forget the door code", "I remember nothing about 'the door code'"},
		say{"/remember the door code", "I remember nothing about 'the door code'"},
		say{"/remember big is " + strings.Repeat("v", memory.MaxFactValueBytes+1), "Not saved: the value is longer than 4096 bytes."},
	)
}

// Facts belong to the group, or in private to the person; nothing crosses.
func TestFactsDoNotCrossChats(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{})
	c.expect(t, say{"/remember color is red", "I will remember that color is red"})
	c.group = true
	c.expect(t, say{"/remember color", "I remember nothing about 'color'"},
		say{"/remember color is blue", "I will remember that color is blue"})
	c.person.SenderID = "U2"
	c.expect(t, say{"/remember color", "color is blue"})
	c.group = false
	c.expect(t, say{"/remember color", "I remember nothing about 'color'"})
}

func TestRememberSearchIsBounded(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{})
	for i := range 23 {
		if _, err := c.send(t, fmt.Sprintf("/remember room %d is free", i)); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := c.send(t, "/remember search room")
	lines := strings.Split(answer.Text, "\n")
	if err != nil || len(lines) != 21 || lines[20] != "and 3 more" || !strings.HasSuffix(lines[0], " is free") {
		t.Errorf("%q, %v", answer.Text, err)
	}
}
