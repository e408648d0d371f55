package commands

import "context"

// Stop is what became of a /stop, which works before its turn comes.
type Stop string

// What may become of it.
const (
	StopNothing Stop = ""         // no reply was being made
	StopDone    Stop = "stopping" // it was stopped
	StopRefused Stop = "refused"  // somebody else has asked for it
)

// StopName is the name of the command that ends the reply which is being made.
const StopName = "stop"

// stop says what became of it: the reply was ended when the command arrived.
func stop() Command {
	return Command{
		Name: StopName,
		Run: func(_ context.Context, c Call) (Answer, error) {
			switch c.Stopped {
			case StopDone:
				return Answer{Text: c.Say("stop.done")}, nil
			case StopRefused:
				return Answer{Text: c.Say("stop.refused")}, nil
			default:
				return Answer{Text: c.Say("stop.nothing")}, nil
			}
		},
	}
}
