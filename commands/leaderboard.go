package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/parley-bot/parley/internal/names"
	"github.com/parley-bot/parley/memory"
)

// leaderboard shows who has most of something in this chat.
func leaderboard(m memory.Backend) Command {
	return Command{
		Name: "leaderboard", Usage: "[kudos|messages|tokens] [day|week|month|all]",
		Run: func(ctx context.Context, c Call) (Answer, error) {
			board, period, ok := readBoard(c.Args)
			if !ok {
				return c.Usage(), nil
			}
			leaders, err := m.Leaders(ctx, c.place(), board, period, c.Now, 10)
			if err != nil {
				return Answer{}, err
			}
			if len(leaders) == 0 {
				return Answer{Text: c.Say("leaderboard.nobody")}, nil
			}
			lines := make([]string, len(leaders))
			for i, l := range leaders {
				lines[i] = fmt.Sprintf("%s %s – %d", rank(i), names.Clean(l.Name), l.Points)
			}
			return Answer{Text: strings.Join(lines, "\n")}, nil
		},
	}
}

func rank(i int) string {
	switch i {
	case 0:
		return "🥇"
	case 1:
		return "🥈"
	case 2:
		return "🥉"
	}
	return fmt.Sprintf("%d.", i+1)
}

// readBoard reads which board and period are asked for, in either order, each
// at most once.
func readBoard(args []string) (memory.Board, memory.Period, bool) {
	var board memory.Board
	var period memory.Period
	for _, arg := range args {
		switch word := strings.ToLower(arg); word {
		case string(memory.Kudos), string(memory.Messages), string(memory.Tokens):
			if board != "" {
				return "", "", false
			}
			board = memory.Board(word)
		case string(memory.Day), string(memory.Week), string(memory.Month), string(memory.All):
			if period != "" {
				return "", "", false
			}
			period = memory.Period(word)
		default:
			return "", "", false
		}
	}
	if board == "" {
		board = memory.Kudos
	}
	if period == "" {
		period = memory.All
	}
	return board, period, true
}
