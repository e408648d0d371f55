package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/app"
	"github.com/parley-bot/parley/internal/show"
)

const (
	listPage     = 500      // conversations read at once
	shownLast    = 20       // messages that show writes for people
	shownChars   = 64 << 10 // of each of them
	shownColumn  = 48       // characters of a column in a table
	shownMinutes = "2006-01-02 15:04"
)

// eachConversation gives all conversations to do, newest activity first.
func eachConversation(ctx context.Context, s *store, do func(c *conversation.Conversation) error) error {
	for cursor := ""; ; {
		page, next, err := s.List(ctx, conversation.ListOptions{Limit: listPage, Cursor: cursor})
		if err != nil {
			return err
		}
		for i := range page {
			if err := do(&page[i]); err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		cursor = next
	}
}

// writeItems writes {"items":[…]}, one conversation to a line.
func (p *program) writeItems(ctx context.Context, s *store) error {
	out := bufio.NewWriter(p.jsonOut())
	before := `{"items":[` + "\n"
	err := eachConversation(ctx, s, func(c *conversation.Conversation) error {
		text, err := c.MarshalJSON()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s%s", before, text)
		before = ",\n"
		return err
	})
	if err != nil {
		return err
	}
	end := "\n]}\n"
	if before != ",\n" {
		end = `{"items":[]}` + "\n"
	}
	_, _ = out.WriteString(end) // Flush tells what failed
	return out.Flush()
}

func (p *program) tableOfConversations(ctx context.Context, s *store) error {
	t := table(p.Out)
	_, _ = fmt.Fprintln(t, "ID\tUSER\tPLATFORM\tCHAT\tMESSAGES\tTOKENS\tLAST ACTIVITY") // Flush tells what failed
	err := eachConversation(ctx, s, func(c *conversation.Conversation) error {
		_, err := fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%d\t%d\t%s\n", c.ID, show.Line(c.UserKey, shownColumn), show.Line(c.Platform, shownColumn),
			show.Line(c.ChatID, shownColumn), c.MessageCount, c.TotalTokens, minutes(c.LastActivity))
		return err
	})
	if err != nil {
		return err
	}
	return t.Flush()
}

// showConversation writes a conversation and its last messages for people.
func (p *program) showConversation(ctx context.Context, s *store, id int64) error {
	c, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	msgs, err := s.Recent(ctx, id, shownLast, shownChars)
	if err != nil {
		return err
	}
	if err := p.rows([][2]string{
		{"conversation", fmt.Sprint(c.ID)},
		{"user", c.UserKey},
		{"platform", c.Platform},
		{"chat", c.ChatID},
		{"tenant", c.Tenant},
		{"thread", c.ThreadID},
		{"model", c.Model},
		{"persona", c.Persona},
		{"summary", c.Summary},
		{"created", minutes(c.CreatedAt)},
		{"last activity", minutes(c.LastActivity)},
		{"messages", fmt.Sprint(c.MessageCount)},
		{"tokens", fmt.Sprint(c.TotalTokens)},
	}); err != nil {
		return err
	}
	for i := range msgs {
		m := &msgs[i]
		_, err := fmt.Fprintf(p.Out, "\n%s  %s  (%d tokens)\n%s\n", minutes(m.Timestamp), m.Role, m.Tokens, m.Content)
		if err != nil {
			return err
		}
	}
	if c.MessageCount > int64(len(msgs)) {
		_, err = fmt.Fprintf(p.Out, "\nThese are the last %d messages; use export or --json for all of them.\n", len(msgs))
	}
	return err
}

// rows writes names and values below each other; what has no value is left out.
func (p *program) rows(pairs [][2]string) error {
	t := table(p.Out)
	for _, pair := range pairs {
		if pair[1] != "" {
			_, _ = fmt.Fprintf(t, "%s\t%s\n", pair[0], show.Line(pair[1], 200)) // Flush tells what failed
		}
	}
	return t.Flush()
}

func table(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }

// jsonOut is stdout for JSON: what would steer a terminal is escaped, nothing is left out.
func (p *program) jsonOut() io.Writer { return show.NewJSON(raw(p.Out)) }

// writeJSON writes v with <, > and & as they are.
func (p *program) writeJSON(v any) error {
	enc := json.NewEncoder(p.jsonOut())
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func minutes(t time.Time) string { return t.UTC().Format(shownMinutes) }

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}

// showPrompt writes what the model is given of a conversation.
func (p *program) showPrompt(ctx context.Context, args []string) error {
	id, err := conversationID("conversations show", args[0])
	if err != nil {
		return err
	}
	cfg, err := p.load(nil)
	if err != nil {
		return err
	}
	prompt, err := app.PromptOf(ctx, cfg, p.log, id)
	if err != nil {
		return failed("conversations show", err)
	}
	return buffered(p.jsonOut(), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return e.Encode(prompt)
	})
}
