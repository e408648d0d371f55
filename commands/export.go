package commands

import (
	"context"
)

// export shows the conversation as an export file has it.
func export(store Store) Command {
	return Command{
		Name: "export", Allowed: Call.rules,
		Run: func(ctx context.Context, c Call) (Answer, error) {
			if c.Conversation == 0 {
				return Answer{Text: c.Say("export.none")}, nil
			}
			conv, text, err := store.ExportUpTo(ctx, c.Conversation, maxFile)
			if err != nil {
				return Answer{}, err
			}
			// An export holds those before it: kept whole, they would double each time.
			kept := c.Say("export.kept", conv.MessageCount)
			a := Answer{Text: text, Code: "json", Kept: kept}
			if text == "" || len(text) > c.room() {
				a = Answer{Text: c.Say("export.long", conv.MessageCount, c.max>>10, c.Conversation)}
			}
			if text != "" {
				a.File = &File{Name: "conversation.json", Content: text, Kept: kept}
			}
			return a, nil
		},
	}
}
