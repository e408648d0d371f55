package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parley-bot/parley/backup"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/app"
	"github.com/parley-bot/parley/internal/database"
)

// onKeeper opens what makes and takes backups of the configured database for do.
func (p *program) onKeeper(ctx context.Context, what string, do func(k *backup.Keeper) error) error {
	return p.onDatabase(ctx, what, func(db *database.DB) error {
		return p.withStore(ctx, db, func(s *store) error {
			k, err := p.keeper(ctx, db, s)
			if err != nil {
				return err
			}
			return do(k)
		})
	})
}

func (p *program) keeper(ctx context.Context, db *database.DB, s *store) (*backup.Keeper, error) {
	cfg, err := p.load(nil)
	if err != nil {
		return nil, err
	}
	version, _ := p.build()
	return app.OpenKeeper(ctx, cfg, db, s, version)
}

func (p *program) backupCommand() *cobra.Command {
	dir := ""
	c := &cobra.Command{
		Use: "backup", Short: "Back up everything to a directory; run it again to resume", Args: cobra.NoArgs, Annotations: quietly(),
		RunE: p.work(func(ctx context.Context, _ []string) error {
			if dir == "" {
				return usageError{errors.New("--to must name a directory")}
			}
			return p.onKeeper(ctx, "backup", func(k *backup.Keeper) error { return p.backup(ctx, k, dir) })
		}),
	}
	c.Flags().StringVar(&dir, "to", "", "`DIR` for the files, created if missing")
	required(c, "to")
	c.AddCommand(&cobra.Command{
		Use: "verify DIR", Short: "Check a backup without changing anything; names every damaged, missing or extra file",
		Args: cobra.ExactArgs(1), Annotations: quietly(),
		RunE: p.work(func(ctx context.Context, args []string) error { return failed("backup verify", p.verify(ctx, args[0])) }),
	})
	return c
}

// othersNamed bounds how many files a line names.
const othersNamed = 10

func (p *program) backup(ctx context.Context, k *backup.Keeper, dir string) error {
	tell, end := p.progress("backup")
	r, err := k.Write(ctx, dir, tell)
	end()
	if len(r.Others) > 0 {
		more := ""
		if n := len(r.Others) - othersNamed; n > 0 {
			more = fmt.Sprintf(" and %d more", n)
		}
		p.complain("backup", fmt.Sprintf("%s contains files that are not part of the backup: %s%s",
			dir, strings.Join(r.Others[:min(len(r.Others), othersNamed)], ", "), more))
	}
	return p.counted(err, "wrote", int64(r.Written), " to "+dir+alreadyThere(r.Kept))
}

// verify writes a line for each thing that is wrong.
func (p *program) verify(ctx context.Context, dir string) error {
	if _, err := os.ReadDir(dir); err != nil {
		return err
	}
	tell, end := p.progress("verify")
	m, problems, err := backup.Verify(ctx, dir, tell)
	end()
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	for _, problem := range problems {
		p.complain("backup verify", problem)
	}
	if len(problems) > 0 {
		return errReported
	}
	_, err = fmt.Fprintf(p.Out, "%s is complete: %s with %s, made %s\n", dir, number(m.Counts["conversations"], "conversation"),
		number(m.Counts["messages"], "message"), m.CreatedAt.Format("2006-01-02 15:04:05 UTC"))
	return err
}

func (p *program) restoreCommand() *cobra.Command {
	dir, mode, yes := "", importMode(conversation.ImportNew), false
	c := &cobra.Command{
		Use: "restore", Short: "Restore a backup or a directory of *.json exports; with --mode merge it can safely be run again", Args: cobra.NoArgs, Annotations: quietly(),
		RunE: p.work(func(ctx context.Context, _ []string) error {
			if dir == "" {
				return usageError{errors.New("--from must name a directory")}
			}
			if _, err := os.ReadDir(dir); err != nil { // before a database is made for nothing
				return failed("restore", err)
			}
			asked := consent{p, "restore --mode replace", yes}
			if mode == replacing {
				if err := asked.needed(); err != nil {
					return err
				}
			}
			return p.onKeeper(ctx, "restore", func(k *backup.Keeper) error {
				if mode == replacing {
					loss, err := lossOfRestore(ctx, k, dir)
					if err != nil {
						return err
					}
					if err := asked.get(ctx, loss); err != nil {
						return err
					}
				}
				return p.restore(ctx, k, dir, conversation.ImportMode(mode))
			})
		}),
	}
	c.Flags().StringVar(&dir, "from", "", "`DIR` that backup, export or cleanup --archive wrote to")
	c.Flags().Var(&mode, "mode", modeHelp)
	yesFlag(c, &yes)
	required(c, "from")
	return c
}

func (p *program) restore(ctx context.Context, k *backup.Keeper, dir string, mode conversation.ImportMode) error {
	tell, end := p.progress("restore")
	r, err := k.Restore(ctx, dir, mode, tell)
	end()
	return p.counted(err, "restored", int64(r.Restored), " from "+dir+alreadyThere(r.Kept))
}

// lossOfRestore says what a restore in mode replace takes the place of.
func lossOfRestore(ctx context.Context, k *backup.Keeper, dir string) (string, error) {
	loss := "replaces " + replaced(ctx, k.Store, jsonFiles(dir))
	if !backup.IsWhole(dir) {
		return loss, nil
	}
	counts, err := k.Counts(ctx)
	if err != nil {
		return "", err
	}
	for _, c := range counts {
		loss += fmt.Sprintf(", %s (%d)", c.Title, c.N)
	}
	return loss, nil
}

// jsonFiles returns the files of a folder that may hold conversations.
func jsonFiles(dir string) []string {
	var list []string
	names, _ := fs.Glob(os.DirFS(dir), "*.json") // the pattern is a valid one
	for _, name := range names {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && name != backup.ManifestName {
			list = append(list, path)
		}
	}
	return list
}
