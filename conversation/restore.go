package conversation

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Restore imports every *.json file in dir, each whole or not at all, and
// returns how many. It goes on past a file that cannot be imported, and names
// all of those in the error.
func (m *PersistentConversationManager) Restore(ctx context.Context, dir string, mode ImportMode) (int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, fmt.Errorf("restore: %w", err)
	}
	restored, failed := 0, []error(nil)
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".json") || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := m.restoreFile(ctx, filepath.Join(dir, e.Name()), mode); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", e.Name(), err))
			if ctx.Err() != nil {
				break
			}
			continue
		}
		restored++
	}
	return restored, oneLine(failed...)
}

func (m *PersistentConversationManager) restoreFile(ctx context.Context, path string, mode ImportMode) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := verify(data); err != nil {
		return err
	}
	a, err := ReadArchive(bytes.NewReader(data))
	if err != nil {
		return err
	}
	_, err = m.Import(ctx, *a, mode)
	return err
}
