package commands

import "context"

// The names of the commands that answer whether a tool may be used. Their turn
// does it, with the model; what stands here answers where there is none.
const (
	ApproveName = "approve"
	DenyName    = "deny"
)

// decide is one of them.
func decide(name string) Command {
	return Command{
		Name: name, Usage: "[code]",
		Run: func(_ context.Context, c Call) (Answer, error) { return Answer{Text: c.Say("approve.nothing")}, nil },
	}
}
