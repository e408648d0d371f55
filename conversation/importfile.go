package conversation

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/parley-bot/parley/conversation/archive"
	"github.com/parley-bot/parley/conversation/message"
)

// ImportFrom is Import of an export file of size bytes, or of one of a backup,
// whose checksum it verifies. It reads the file twice, first to check all of
// it, and holds no more than one slice of messages in memory. progress may be
// nil.
func (m *PersistentConversationManager) ImportFrom(ctx context.Context, file io.ReaderAt, size int64, mode ImportMode, progress Progress) (*Conversation, error) {
	c, _, err := m.importFrom(ctx, archive.Source{At: file, Size: size}, importOptions{mode: mode, progress: progress})
	return c, err
}

type importOptions struct {
	mode      ImportMode
	progress  Progress
	uncounted bool // see incoming
}

func (m *PersistentConversationManager) importFrom(ctx context.Context, src archive.Source, o importOptions) (c *Conversation, kept bool, err error) {
	src.At = archive.Until(ctx, src.At)
	if err := src.Verify(); err != nil {
		return nil, false, err
	}
	f := &fileImport{src: src, now: m.db.Now(), ctx: ctx, progress: o.progress}
	in, err := f.check()
	if err != nil {
		return nil, false, err
	}
	in.uncounted = o.uncounted
	c, kept, err = m.take(ctx, in, o.mode)
	if err == nil {
		o.progress.Report(2*src.Size, 2*src.Size)
	}
	return c, kept, err
}

// fileImport reads the messages of a file, in the same way each time.
type fileImport struct {
	ctx      context.Context //nolint:containedctx // it lives as long as the one call that it is made for
	src      archive.Source
	now      time.Time
	created  time.Time // of the conversation; messages without a time before any that has one take it
	progress Progress

	count, tokens int64 // what the first reading has found
}

// errChanged is returned for a file that is not the same in both readings.
func errChanged() error { return message.Invalidf("the file changed while it was read") }

// check reads the whole file once.
func (f *fileImport) check() (*incoming, error) {
	in := &incoming{slices: f.slices}
	var first, last time.Time
	var anchor, summaryEnd int64 // by the ids that its messages get
	err := f.src.Scan(archive.Visitor{
		Head: func(c *Conversation) error { in.head = *c; return nil },
		Message: func(i int, msg *message.Whole) error {
			row, err := f.row(i, msg, &last)
			if err != nil {
				return err
			}
			in.count, in.tokens = in.count+1, in.tokens+row.Tokens
			if msg.Anchor {
				anchor = in.count
			}
			if msg.Unfolded {
				summaryEnd = in.count - 1
			}
			if i == 0 {
				first = last
			}
			return f.ctx.Err()
		},
		Read: func(bytes int64) { f.progress.Report(bytes, 2*f.src.Size) },
	})
	if err != nil {
		return nil, err
	}
	in.head.Anchor, in.head.SummaryEnd = anchor, summaryEnd
	f.created, f.count, f.tokens = in.head.CreatedAt, in.count, in.tokens
	if f.created.IsZero() {
		f.created = f.now
	}
	if first.IsZero() {
		first = f.created
	}
	if last.IsZero() {
		last = f.created
	}
	return in, in.checkHead(first, last, f.now)
}

// row returns what is kept of a message. last is the time of the one before, and
// becomes that of this one.
func (f *fileImport) row(i int, msg *message.Whole, last *time.Time) (messageRow, error) {
	*last = msg.TimeAfter(*last)
	row, err := toRow(&msg.Message, f.now)
	return row, inMessage(i, err)
}

// slices reads the file again.
func (f *fileImport) slices(do func([]messageRow) error) error {
	last, count, tokens := f.created, int64(0), int64(0)
	var slice []messageRow
	size := 0
	flush := func() error {
		rows := slice
		slice, size = slice[:0], 0
		if len(rows) == 0 {
			return nil
		}
		return do(rows)
	}
	err := f.src.Scan(archive.Visitor{
		Head: func(*Conversation) error { return nil },
		Message: func(i int, msg *message.Whole) error {
			row, err := f.row(i, msg, &last)
			if err != nil {
				return err
			}
			if len(slice) == sliceRows || (size > 0 && size+row.size() > sliceBytes) {
				if err := flush(); err != nil {
					return err
				}
			}
			slice, size = append(slice, row), size+row.size()
			count, tokens = count+1, tokens+row.Tokens
			return nil
		},
		Read: func(bytes int64) { f.progress.Report(f.src.Size+bytes, 2*f.src.Size) },
	})
	if err == nil && (count != f.count || tokens != f.tokens) {
		err = errChanged()
	}
	if err != nil {
		return err
	}
	return flush()
}

// Replaced returns the conversation that an import of the file with mode
// replace would take the place of; [ErrNotFound] where there is none. It reads
// no further than the file's own conversation, which exports begin with.
func (m *PersistentConversationManager) Replaced(ctx context.Context, file io.ReaderAt, size int64) (*Conversation, error) {
	var head Conversation
	err := archive.Source{At: file, Size: size}.Scan(archive.Visitor{
		Head: func(c *Conversation) error {
			head = *c
			return errSeen
		},
		Message: func(int, *message.Whole) error { return ctx.Err() },
	})
	if !errors.Is(err, errSeen) {
		return nil, err
	}
	return m.Find(ctx, head.Key())
}
