package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parley-bot/parley/conversation"
)

func (p *program) statsCommand() *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use: "stats", Short: "Show statistics over all conversations", Args: cobra.NoArgs, Annotations: quietly(),
		RunE: p.work(func(ctx context.Context, _ []string) error {
			return p.onStore(ctx, "stats", func(s *store) error {
				stats, err := s.Stats(ctx)
				if err != nil {
					return err
				}
				if asJSON {
					return p.writeJSON(stats)
				}
				return p.showStats(stats)
			})
		}),
	}
	jsonFlag(c, &asJSON)
	return c
}

func (p *program) showStats(s conversation.Stats) error {
	return p.rows([][2]string{
		{"conversations", fmt.Sprint(s.TotalConversations)},
		{"messages", fmt.Sprint(s.TotalMessages)},
		{"tokens", fmt.Sprint(s.TotalTokens)},
		{"messages per conversation", fmt.Sprintf("%.2f", s.AverageMessagesPerConversation)},
		{"tokens per conversation", fmt.Sprintf("%.2f", s.AverageTokensPerConversation)},
		{"longest conversation", fmt.Sprintf("%d messages %s", s.LongestConversationMessages, s.LongestConversationUser)},
	})
}

func (p *program) cleanupCommand() *cobra.Command {
	days, archive, yes := 0, "", false
	c := &cobra.Command{
		Use: "cleanup", Short: "Delete conversations without recent activity", Args: cobra.NoArgs, Annotations: quietly(),
		RunE: p.work(func(ctx context.Context, _ []string) error {
			if days < 1 || days > conversation.MaxDays {
				return usageError{fmt.Errorf("--days must be a whole number between 1 and %d, got %d", conversation.MaxDays, days)}
			}
			return p.onStore(ctx, "cleanup", func(s *store) error {
				n, messages, err := s.CountOld(ctx, days)
				if err != nil {
					return err
				}
				loss := fmt.Sprintf("deletes %s (%s) with no activity in the last %s",
					number(n, "conversation"), number(messages, "message"), number(int64(days), "day"))
				if err := (consent{p, "cleanup", yes}).get(ctx, loss); err != nil {
					return err
				}
				return p.cleanup(ctx, s, days, archive)
			})
		}),
	}
	c.Flags().IntVar(&days, "days", 0, "delete conversations without activity in the last `N` days")
	c.Flags().StringVar(&archive, "archive", "", "`DIR` to write each conversation to before it is deleted")
	yesFlag(c, &yes)
	required(c, "days")
	return c
}

// cleanup says how many it deleted even when it could not delete all.
func (p *program) cleanup(ctx context.Context, s *store, days int, archive string) error {
	tell, end := p.progress("cleanup")
	n, err := s.Cleanup(ctx, conversation.CleanupOptions{Days: days, ArchiveDir: archive, Progress: tell})
	end()
	return p.counted(err, "deleted", n, "")
}

func (p *program) vacuumCommand() *cobra.Command {
	full := false
	c := &cobra.Command{
		Use: "vacuum", Short: "Reclaim the space left by deleted rows", Args: cobra.NoArgs, Annotations: quietly(),
		RunE: p.work(func(ctx context.Context, _ []string) error {
			return p.onStore(ctx, "vacuum", func(s *store) error {
				if full {
					return s.VacuumFull(ctx)
				}
				tell, end := p.progress("vacuum")
				defer end()
				return s.VacuumWith(ctx, tell)
			})
		}),
	}
	c.Flags().BoolVar(&full, "full", false, "rewrite the whole SQLite file; stop the server first")
	return c
}

// alreadyThere tells how many an earlier run had done.
func alreadyThere(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return ", 1 already there"
	}
	return fmt.Sprintf(", %d already there", n)
}

// counted tells what was done to how many conversations, also where err ended it.
func (p *program) counted(err error, done string, n int64, where string) error {
	if _, told := fmt.Fprintf(p.Out, "%s %s%s\n", done, number(n, "conversation"), where); err == nil {
		err = told
	}
	return err
}

// required makes a command without this flag bad usage.
func required(c *cobra.Command, flag string) {
	if err := c.MarkFlagRequired(flag); err != nil {
		panic(err) // the flag was declared a line above
	}
}
