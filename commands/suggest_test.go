package commands_test

import (
	"testing"

	"github.com/parley-bot/parley/commands"
)

func TestSuggestions(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{Prefix: "."})
	unknown := func(name, hint string) say {
		want := "Unknown command: ." + name + ". Send .help to see available commands."
		if hint != "" {
			want += "\nDid you mean ." + hint + "?"
		}
		return say{"." + name, want}
	}
	c.expect(t,
		unknown("sav", "save"),
		unknown("SVAE", "save"),
		unknown("statss", "stats"),
		unknown("hist", ""),
		unknown("histroy", "history"),
		unknown("rememer", "remember"),
		unknown("leaderbord", "leaderboard"),
		unknown("forgetme", "forget-me"),
		unknown("clearr", "clear"),
		unknown("savexyz", ""),
		unknown(".save", ""),
		unknown("s", ""),
		unknown("zzz", ""),
		unknown("保存", ""),
	)
}
