package setup

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/parley-bot/parley/internal/config"
)

// keep stores values by the names of their variables, each in a file that others
// cannot read. An empty value removes its file.
func keep(cfg *config.Config, values map[string]string) (dir string, err error) {
	dir = config.SecretsDir(cfg.AI.ConversationPersistence.DataDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return dir, err
	}
	for name, value := range values {
		if err := keepOne(filepath.Join(dir, name), value); err != nil {
			return dir, fmt.Errorf("%s: %w", name, err)
		}
	}
	return dir, nil
}

// keepOne writes a file whole or not at all.
func keepOne(path, value string) error {
	if value == "" {
		if err := os.Remove(path); !os.IsNotExist(err) {
			return err
		}
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // for its owner only
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // once it is renamed there is nothing to remove
	_, err = f.WriteString(value + "\n")
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
