package commands

import (
	"context"
	"strings"
)

// help lists the commands of r that this person can use here.
func help(r *Registry) Command {
	return Command{
		Name: "help",
		Run: func(_ context.Context, c Call) (Answer, error) {
			lines := []string{c.Say("help.title")}
			for i := range r.commands {
				one := c
				one.command = &r.commands[i]
				one.voice = r.speak(c.Language, one.command)
				if one.refusal() == "" {
					lines = append(lines, one.describe())
				}
			}
			return Answer{Text: strings.Join(lines, "\n")}, nil
		},
	}
}

// describe returns a command's line: "/save [key] [value] – Save a preference".
func (c Call) describe() string {
	one := c.command
	line := c.Prefix + strings.Join(append([]string{one.Name}, one.Aliases...), ", "+c.Prefix)
	if one.Usage != "" {
		line += " " + one.Usage
	}
	return line + " – " + c.Say(one.Name+".help")
}
