package archive

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/database"
)

// MakeDir makes a directory for archives, which only its owner reads.
func MakeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the directory cannot be created: %w", err)
	}
	return nil
}

// WriteFile writes the file of a conversation into dir: whole or not at all, ending
// in a checksum, on the disk when it returns. What write gets to write to is the
// file up to its last brace, see [Writer.End].
func WriteFile(dir string, write func(io.Writer) (*message.Conversation, error)) (c *message.Conversation, err error) {
	f, err := os.CreateTemp(dir, ".parley-*.tmp")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(f.Name()) }() // once it is renamed there is nothing to remove
	c, err = writeChecked(f, write)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, FileName(c))); err != nil {
		return nil, err
	}
	return c, syncDir(dir)
}

// checksum starts the last member of a backup file, the SHA-256 of all before it.
const checksum = ",\n\"sha256\":\""

func writeChecked(f io.Writer, write func(io.Writer) (*message.Conversation, error)) (*message.Conversation, error) {
	sum, buffer := sha256.New(), bufio.NewWriterSize(f, 1<<16)
	c, err := write(io.MultiWriter(buffer, sum))
	if err != nil {
		return nil, err
	}
	if _, err := buffer.WriteString(tailOf(sum)); err != nil {
		return nil, err
	}
	return c, buffer.Flush()
}

// tailSize is the length of what starts with checksum.
const tailSize = int64(len(checksum) + 2*sha256.Size + len("\"}\n"))

// tailOf returns what a backup file ends with after what was hashed.
func tailOf(sum hash.Hash) string { return checksum + hex.EncodeToString(sum.Sum(nil)) + "\"}\n" }

// tail returns what a backup file ends with, "" where it is none.
func (s Source) tail() string {
	text := make([]byte, tailSize)
	if s.Size < tailSize {
		return ""
	}
	if _, err := s.At.ReadAt(text, s.Size-tailSize); err != nil && !errors.Is(err, io.EOF) {
		return ""
	}
	if !strings.HasPrefix(string(text), checksum) {
		return ""
	}
	return string(text)
}

// Verify reports a backup file that has changed since it was written. A file
// without a checksum at its end passes.
func (s Source) Verify() error {
	tail := s.tail()
	if tail == "" {
		return nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(s.At, 0, s.Size-tailSize)); err != nil {
		return err
	}
	if tail != tailOf(sum) {
		return message.Invalidf("the file has been damaged since it was written: its checksum is wrong")
	}
	return nil
}

// FileName returns a name that is safe on every file system for any user key,
// and one conversation's own even where several databases share a directory.
func FileName(c *message.Conversation) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			return r
		}
		return '_'
	}, c.UserKey)
	id := database.Hash(string(c.Key().Identity()), c.CreatedAt.String())
	return fmt.Sprintf("%08d-%s-%x.json", c.ID, safe[:min(len(safe), 80)], id[:4])
}

// syncDir makes a rename survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// IsCurrent reports whether a backup file is undamaged and holds the conversation as
// it is, which write writes. Not every change shows in its counters: what was told
// beside a message may be erased, and what people think of a reply may change. So all
// of it is compared, unless its first lines differ already.
func IsCurrent(path string, c *message.Conversation, write func(io.Writer) (*message.Conversation, error)) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return false
	}
	var want bytes.Buffer
	if NewWriter(&want, true).Head(c) != nil {
		return false
	}
	got := make([]byte, want.Len())
	if _, err := f.ReadAt(got, 0); err != nil || !bytes.Equal(got, want.Bytes()) {
		return false
	}
	src := Source{f, info.Size()}
	if src.tail() == "" || src.Verify() != nil {
		return false
	}
	sum := sha256.New()
	buffer := bufio.NewWriterSize(sum, 1<<16)
	if _, err := write(buffer); err != nil || buffer.Flush() != nil {
		return false
	}
	return src.tail() == tailOf(sum)
}

// staleAge is how old an unfinished file is that nobody writes any more.
const staleAge = 24 * time.Hour

// RemoveStale removes the unfinished files of runs that died.
func RemoveStale(dir string, now time.Time) {
	unfinished, _ := filepath.Glob(filepath.Join(dir, ".parley-*.tmp")) // the pattern is a valid one
	for _, path := range unfinished {
		if info, err := os.Lstat(path); err == nil && now.Sub(info.ModTime()) > staleAge {
			_ = os.Remove(path) // it is in nobody's way
		}
	}
}
