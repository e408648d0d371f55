package conversation

import (
	"context"
	"encoding/json"
	"io"
	"time"
)

// ImportFrom is Import of an export file of size bytes, or of one of a backup,
// whose checksum it verifies. It reads the file twice, first to check all of
// it, and holds no more than one slice of messages in memory. progress may be
// nil.
func (m *PersistentConversationManager) ImportFrom(ctx context.Context, file io.ReaderAt, size int64, mode ImportMode, progress Progress) (*Conversation, error) {
	c, _, err := m.importFrom(ctx, source{file, size}, importOptions{mode: mode, progress: progress})
	return c, err
}

type importOptions struct {
	mode      ImportMode
	progress  Progress
	uncounted bool // see incoming
}

func (m *PersistentConversationManager) importFrom(ctx context.Context, src source, o importOptions) (c *Conversation, kept bool, err error) {
	src.at = interruptible{ctx, src.at}
	if err := src.verify(); err != nil {
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
		o.progress.report(2*src.size, 2*src.size)
	}
	return c, kept, err
}

// interruptible is a file whose reading ends with a context, however long it is.
type interruptible struct {
	ctx context.Context //nolint:containedctx // it lives as long as the one call that it is made for
	io.ReaderAt
}

// ReadAt implements io.ReaderAt.
func (i interruptible) ReadAt(b []byte, at int64) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.ReaderAt.ReadAt(b, at)
}

// fileImport reads the messages of a file, in the same way each time.
type fileImport struct {
	ctx      context.Context //nolint:containedctx // it lives as long as the one call that it is made for
	src      source
	now      time.Time
	created  time.Time // of the conversation; messages without a time before any that has one take it
	progress Progress

	count, tokens int64 // what the first reading has found
}

// errChanged is returned for a file that is not the same in both readings.
func errChanged() error { return invalidf("the file has changed while it was read") }

// check reads the whole file once.
func (f *fileImport) check() (*incoming, error) {
	in := &incoming{slices: f.slices}
	var first, last time.Time
	err := f.src.scan(visitor{
		head: func(text json.RawMessage) error { return decodeHead(text, &in.head) },
		message: func(i int, text json.RawMessage) error {
			row, err := f.row(i, text, &last)
			if err != nil {
				return err
			}
			in.count, in.tokens = in.count+1, in.tokens+row.Tokens
			if i == 0 {
				first = last
			}
			return f.ctx.Err()
		},
		read: func(bytes int64) { f.progress.report(bytes, 2*f.src.size) },
	})
	if err != nil {
		return nil, err
	}
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

// row decodes a message. last is the time of the one before, and becomes that of this one.
func (f *fileImport) row(i int, text json.RawMessage, last *time.Time) (messageRow, error) {
	var msg Message
	if err := decodeMessage(i, text, &msg); err != nil {
		return messageRow{}, err
	}
	*last = msg.timeAfter(*last)
	row, err := toRow(&msg, f.now)
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
	err := f.src.scan(visitor{
		head: func(json.RawMessage) error { return nil },
		message: func(i int, text json.RawMessage) error {
			row, err := f.row(i, text, &last)
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
		read: func(bytes int64) { f.progress.report(f.src.size+bytes, 2*f.src.size) },
	})
	if err == nil && (count != f.count || tokens != f.tokens) {
		err = errChanged()
	}
	if err != nil {
		return err
	}
	return flush()
}
