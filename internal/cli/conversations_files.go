package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/private"
	"github.com/parley-bot/parley/internal/spool"
)

// standardStream names stdin where a file is read, stdout where one is written.
const standardStream = "-"

func (p *program) conversationsExport() *cobra.Command {
	path := ""
	c := &cobra.Command{
		Use: "export ID", Short: "Write a conversation with all its messages as JSON", Args: cobra.ExactArgs(1), Annotations: quietly(),
		RunE: p.onConversation("conversations export", func(ctx context.Context, s *store, id int64) error {
			if path == "" || path == standardStream {
				return p.export(ctx, s, id)
			}
			return writeWhole(path, func(w io.Writer) error { return s.ExportTo(ctx, id, w) })
		}),
	}
	c.Flags().StringVar(&path, "out", "", "`FILE` to write to, completely or not at all (default stdout)")
	return c
}

// export writes a conversation to stdout as JSON.
func (p *program) export(ctx context.Context, s *store, id int64) error {
	return buffered(p.jsonOut(), func(w io.Writer) error { return s.ExportTo(ctx, id, w) })
}

func buffered(w io.Writer, write func(io.Writer) error) error {
	buffer := bufio.NewWriterSize(w, 1<<16)
	if err := write(buffer); err != nil {
		return err
	}
	return buffer.Flush()
}

// writeWhole makes a file that others cannot read. It appears at path when
// write and the disk are done with it, else what was there stays.
func writeWhole(path string, write func(io.Writer) error) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return writeInto(path, write) // a pipe or device stays what it is
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // and a link stays a link
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".parley-*.tmp")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // once it is renamed there is nothing to remove
	err = buffered(f, write)
	if err == nil {
		err = f.Chmod(private.Replacing(path))
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func writeInto(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(buffered(f, write), f.Close())
}

func (p *program) conversationsImport() *cobra.Command {
	mode, yes := importMode(conversation.ImportNew), false
	c := &cobra.Command{
		Use: "import FILE…", Short: "Import exported conversations, each file completely or not at all; - reads stdin",
		Args: cobra.MinimumNArgs(1), Annotations: quietly(),
		RunE: p.work(func(ctx context.Context, files []string) error {
			asked := consent{p, "conversations import --mode replace", yes}
			if mode == replacing {
				if err := asked.needed(); err != nil {
					return err
				}
			}
			return p.onStore(ctx, "conversations import", func(s *store) error {
				if mode == replacing {
					if err := asked.get(ctx, "replaces "+replaced(ctx, s, files)); err != nil {
						return err
					}
				}
				return p.importFiles(ctx, s, files, conversation.ImportMode(mode))
			})
		}),
	}
	c.Flags().Var(&mode, "mode", modeHelp)
	yesFlag(c, &yes)
	return c
}

// replaced says what an import of files in mode replace takes the place of. A
// file that cannot be read replaces nothing, and says so when its turn comes.
func replaced(ctx context.Context, s *store, files []string) string {
	var conversations, messages int64
	unseen := ""
	for _, path := range files {
		if info, err := os.Stat(path); path == standardStream || (err == nil && !info.Mode().IsRegular()) {
			unseen = ", and any others in files that can be read only once (stdin, pipes)"
			continue
		}
		if c, err := replacedBy(ctx, s, path); err == nil {
			conversations, messages = conversations+1, messages+c.MessageCount
		}
	}
	return number(conversations, "conversation") + " (" + number(messages, "message") + ")" + unseen
}

func replacedBy(ctx context.Context, s *store, path string) (*conversation.Conversation, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return s.Replaced(ctx, f, info.Size())
}

// importFiles goes on past a file that cannot be imported and writes a line for each.
func (p *program) importFiles(ctx context.Context, s *store, files []string, mode conversation.ImportMode) error {
	wrong := false
	for _, path := range files {
		if err := p.importFile(ctx, s, path, mode); err != nil {
			wrong = true
			p.complain("conversations import", path+": "+err.Error())
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if wrong {
		return errReported
	}
	return nil
}

func (p *program) importFile(ctx context.Context, s *store, path string, mode conversation.ImportMode) error {
	f, size, err := p.openImport(ctx, path)
	if err != nil {
		return withoutPath(err)
	}
	defer func() { _ = f.Close() }() // it was only read
	if conversation.IsOriginal(f) {
		return p.importOriginal(ctx, s, path, mode)
	}
	tell, end := p.progress("import")
	c, err := s.ImportFrom(ctx, f, size, mode, tell)
	end()
	if err != nil {
		return withoutPath(err)
	}
	_, err = fmt.Fprintf(p.Out, "imported %s as conversation %d (%d messages)\n", path, c.ID, c.MessageCount)
	return err
}

// importOriginal imports the database of the program that the store follows.
func (p *program) importOriginal(ctx context.Context, s *store, path string, mode conversation.ImportMode) error {
	wrong := false
	err := s.ImportOriginal(ctx, path, mode, func(c *conversation.Conversation, err error) {
		if err != nil {
			wrong = true
			p.complain("conversations import", fmt.Sprintf("%s: conversation %d (%s): %s", path, c.ID, c.UserKey, err))
			return
		}
		_, _ = fmt.Fprintf(p.Out, "imported %s of %s as conversation %d (%d messages)\n", c.UserKey, path, c.ID, c.MessageCount)
	})
	if err == nil && wrong {
		return errors.New("not every conversation could be imported")
	}
	return err
}

// spoolLimit bounds what is read from stdin or a pipe.
const spoolLimit = 1 << 30

// openImport opens a file that can be read more than once. Stdin and pipes are
// copied to a file first, which has no name any more.
func (p *program) openImport(ctx context.Context, path string) (f *os.File, size int64, err error) {
	if path == standardStream {
		return p.spool(ctx, p.In)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if info.IsDir() {
		return nil, 0, errors.New("is a directory")
	}
	if !info.Mode().IsRegular() {
		once := &opening{path: path}
		defer once.close()
		return p.spool(ctx, once)
	}
	f, err = os.Open(path)
	return f, info.Size(), err
}

func (p *program) spool(ctx context.Context, r io.Reader) (*os.File, int64, error) {
	cfg, err := p.load(nil)
	if err != nil {
		return nil, 0, err
	}
	return spool.Copy(ctx, spool.Dir(cfg.AI.ConversationPersistence.DataDir), r, spoolLimit)
}

// opening is a file that is opened when it is read first: a pipe that nobody
// writes to keeps whoever opens it waiting.
type opening struct {
	path string
	mu   sync.Mutex
	f    *os.File
}

// Read implements io.Reader.
func (o *opening) Read(b []byte) (int, error) {
	if o.f == nil {
		f, err := os.Open(o.path)
		if err != nil {
			return 0, err
		}
		o.mu.Lock()
		o.f = f
		o.mu.Unlock()
	}
	return o.f.Read(b)
}

func (o *opening) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.f != nil {
		_ = o.f.Close() // it was only read
	}
}

// withoutPath returns why a file operation failed, for a line that names the file already.
func withoutPath(err error) error {
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return file.Err
	}
	return err
}

const modeHelp = "what to do with a conversation that already exists: new refuses, merge adds what is missing, replace overwrites it"

const replacing = importMode(conversation.ImportReplace)

// importMode is a flag that takes only the modes there are.
type importMode conversation.ImportMode

// String implements pflag.Value.
func (m *importMode) String() string { return string(*m) }

// Type implements pflag.Value.
func (m *importMode) Type() string { return "MODE" }

// Set implements pflag.Value.
func (m *importMode) Set(text string) error {
	switch mode := conversation.ImportMode(text); mode {
	case conversation.ImportNew, conversation.ImportMerge, conversation.ImportReplace:
		*m = importMode(mode)
		return nil
	}
	return errors.New("must be new, merge or replace")
}
