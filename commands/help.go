package commands

import (
	"context"
	"strings"
)

// help lists the commands of r.
func help(r *Registry) Command {
	return Command{
		Name: "help",
		Help: Text{En: "Show this list", Zh: "显示此列表"},
		Run: func(_ context.Context, c Call) (Answer, error) {
			lines := []string{c.say(Text{En: "Available commands:", Zh: "可用命令："})}
			for _, one := range r.commands {
				lines = append(lines, c.describe(one))
			}
			return Answer{Text: strings.Join(lines, "\n")}, nil
		},
	}
}

// describe returns a command's line: "/save [key] [value] – Save a preference".
func (c Call) describe(one Command) string {
	line := c.Prefix + strings.Join(append([]string{one.Name}, one.Aliases...), ", "+c.Prefix)
	if one.Usage != "" {
		line += " " + one.Usage
	}
	return line + " – " + one.Help.in(c.Language)
}
