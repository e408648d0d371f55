package commands

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/parley-bot/parley/conversation"
)

const (
	// maxExport bounds an export as text, in bytes: more would be dozens of messages.
	maxExport = 256 << 10

	// maxExportFile bounds an export as a file, in bytes: it is kept in the
	// ledger and uploaded within the time of one send.
	maxExportFile = 4 << 20
)

// export shows the conversation as an export file has it.
func export(store Store) Command {
	return Command{
		Name: "export", Allowed: Call.rules,
		Run: func(ctx context.Context, c Call) (Answer, error) {
			if c.Conversation == 0 {
				return Answer{Text: c.Say("export.none")}, nil
			}
			archive, err := store.Export(ctx, c.Conversation)
			if err != nil {
				return Answer{}, err
			}
			text, err := encode(archive)
			if err != nil {
				return Answer{}, err
			}
			// An export holds those before it: kept whole, they would double each time.
			kept := c.Say("export.kept", len(archive.Messages))
			a := Answer{Text: text, Code: "json", Kept: kept}
			if len(text) > maxExport {
				a = Answer{Text: c.Say("export.long", len(archive.Messages), maxExport>>10, c.Conversation)}
			}
			if len(text) <= maxExportFile {
				a.File = &File{Name: "conversation.json", Content: text, Kept: kept}
			}
			return a, nil
		},
	}
}

// encode writes an archive for people to read, with <, > and & as they are.
func encode(a *conversation.Archive) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(a); err != nil {
		return "", fmt.Errorf("encode the export: %w", err)
	}
	return strings.TrimSpace(b.String()), nil
}
