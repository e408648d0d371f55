package conversation

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/parley-bot/parley/internal/database"
)

// BackupAll writes every conversation to a JSON file of its own in dir, which
// is made when missing, and returns how many. A file appears whole or not at
// all, ends in a checksum, and replaces that of an earlier run; no more than a
// page of messages is in memory.
func (m *PersistentConversationManager) BackupAll(ctx context.Context, dir string) (int, error) {
	if err := makeDir(dir); err != nil {
		return 0, err
	}
	written := 0
	for after := int64(0); ; {
		var ids []int64
		err := m.read().NewRaw(`SELECT id FROM conversations WHERE visible = 1 AND id > ? ORDER BY id LIMIT ?`,
			after, exportPage).Scan(ctx, &ids)
		if err != nil {
			return written, database.Explain(err)
		}
		for _, id := range ids {
			err := m.backupOne(ctx, id, dir)
			if errors.Is(err, ErrNotFound) {
				continue // deleted since
			}
			if err != nil {
				return written, err
			}
			written++
		}
		if len(ids) < exportPage {
			return written, nil
		}
		after = ids[len(ids)-1]
	}
}

func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the directory cannot be made: %w", err)
	}
	return nil
}

// backupOne writes one conversation to a temporary file, flushes it to the
// disk and gives it its name.
func (m *PersistentConversationManager) backupOne(ctx context.Context, id int64, dir string) error {
	f, err := os.CreateTemp(dir, ".parley-*.tmp")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // once it is renamed there is nothing to remove
	c, err := m.writeChecked(ctx, id, f)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, fileName(c))); err != nil {
		return err
	}
	return syncDir(dir)
}

// checksum starts the last member of a backup file, the SHA-256 of all before it.
const checksum = ",\n\"sha256\":\""

func (m *PersistentConversationManager) writeChecked(ctx context.Context, id int64, f io.Writer) (*Conversation, error) {
	hash, buffer := sha256.New(), bufio.NewWriterSize(f, 1<<16)
	c, err := m.exportBody(ctx, id, io.MultiWriter(buffer, hash))
	if err != nil {
		return nil, err
	}
	if _, err := buffer.WriteString(checksum + hex.EncodeToString(hash.Sum(nil)) + "\"}\n"); err != nil {
		return nil, err
	}
	return c, buffer.Flush()
}

// verify reports a backup file that has changed since it was written. A file
// without a checksum at its end passes.
func verify(data []byte) error {
	const tail = sha256.Size*2 + len("\"}\n")
	at := len(data) - tail - len(checksum)
	if at < 0 || string(data[at:at+len(checksum)]) != checksum {
		return nil
	}
	hash := sha256.Sum256(data[:at])
	if string(data[at+len(checksum):]) != hex.EncodeToString(hash[:])+"\"}\n" {
		return invalidf("the file has been damaged since it was written: its checksum is wrong")
	}
	return nil
}

// fileName returns a name that is safe on every file system for any user key,
// and one conversation's own even where several databases share a directory.
func fileName(c *Conversation) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			return r
		}
		return '_'
	}, c.UserKey)
	hash := database.Hash(string(c.Key().Identity()), c.CreatedAt.String())
	return fmt.Sprintf("%08d-%s-%x.json", c.ID, safe[:min(len(safe), 80)], hash[:4])
}

// syncDir makes a rename survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
