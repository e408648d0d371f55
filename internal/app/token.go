package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/parley-bot/parley/internal/config"
)

// adminToken returns the configured token, or the one kept in
// <data_dir>/admin-token, made there at the first start.
func adminToken(cfg *config.Config) (token, path string, err error) {
	if token := cfg.Server.AdminToken.Reveal(); token != "" {
		return token, "", nil
	}
	dir := cfg.AI.ConversationPersistence.DataDir
	path = filepath.Join(dir, "admin-token")
	kept, err := os.ReadFile(path)
	if err == nil && strings.TrimSpace(string(kept)) != "" {
		return strings.TrimSpace(string(kept)), path, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", "", fmt.Errorf("admin token: %w", err)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", "", fmt.Errorf("admin token: %w", err)
	}
	token = rand.Text()
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return "", "", fmt.Errorf("admin token: %w", err)
	}
	return token, path, nil
}
