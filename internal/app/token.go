package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/signin"
)

// AdminToken returns the configured token, or the one kept in
// <data_dir>/admin-token, made there when it is first asked for.
func AdminToken(cfg *config.Config) (token, path string, err error) {
	if token := cfg.Server.AdminToken.Reveal(); token != "" {
		return token, "", nil
	}
	path = tokenFile(cfg)
	if token, err = keptToken(path); token != "" || err != nil {
		return token, path, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return "", "", fmt.Errorf("admin token: %w", err)
	}
	token, err = makeToken(path)
	if err != nil {
		return "", "", fmt.Errorf("admin token: %w", err)
	}
	return token, path, nil
}

// makeToken writes a token into its file, or returns the one that another process
// has made there meanwhile: it locks the file, however many start at once.
func makeToken(path string) (token string, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock: %w", err)
	}
	if kept, err := keptToken(path); kept != "" || err != nil {
		return kept, err
	}
	if err := file.Truncate(0); err != nil { // white space at most
		return "", err
	}
	token = rand.Text()
	_, err = file.WriteString(token + "\n")
	return token, err
}

// CheckToken reports whether the kept token is one that opens the door, and
// makes none.
func CheckToken(cfg *config.Config) error {
	if cfg.Server.AdminToken != "" {
		return nil
	}
	_, err := keptToken(tokenFile(cfg))
	return err
}

func tokenFile(cfg *config.Config) string {
	return filepath.Join(cfg.AI.ConversationPersistence.DataDir, "admin-token")
}

// keptToken returns "" where there is none yet.
func keptToken(path string) (string, error) {
	kept, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("admin token: %w", err)
	}
	token := strings.TrimSpace(string(kept))
	if token == "" {
		return "", nil
	}
	if err := config.CheckToken(config.Secret(token)); err != nil {
		return "", config.FaultErrors{{Place: config.Place{Source: path}, Key: "server.admin_token", Problem: err.Error() + ", or delete the file"}}
	}
	return token, nil
}

// SignInLink returns a link that signs in who opens the pages of the server
// that listens at address, good once and for ten minutes.
func SignInLink(cfg *config.Config, token, address string) (string, error) {
	base := string(cfg.Server.PublicURL)
	if base == "" {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return "", err
		}
		if port == "0" {
			return "", errors.New("the port is chosen when serve starts; set server.listen to a fixed port, or set server.public_url")
		}
		base = "http://" + net.JoinHostPort(nearby(host), port)
	}
	return signin.Link(base, token, time.Now()), nil
}

// nearby returns how a browser on this machine reaches a server that listens
// on host: localhost, unless it listens on another address only.
func nearby(host string) string {
	address, err := netip.ParseAddr(host)
	switch {
	case host == "", err == nil && address.IsUnspecified(), err == nil && address == netip.AddrFrom4([4]byte{127, 0, 0, 1}), err == nil && address == netip.IPv6Loopback():
		return "localhost"
	default:
		return host
	}
}
