package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/platforms/call"
)

const (
	// A clock that is further off makes platforms refuse our requests, or us
	// theirs; signatures may be five minutes old.
	clockWarns, clockFails = 30 * time.Second, 4 * time.Minute

	diskWarns, diskFails = 1 << 30, 100 << 20 // bytes
)

// checkClock compares this machine's clock with that of whoever is talked to.
func checkClock(ctx context.Context, cfg *config.Config) finding {
	for _, address := range peers(cfg) {
		begun := time.Now()
		there, err := timeAt(ctx, address)
		if err != nil {
			continue // said of whoever it is
		}
		distance := there.Sub(begun.Add(time.Since(begun) / 2)).Abs().Truncate(time.Second)
		switch host := config.URL(address).String(); {
		case distance > clockFails:
			return finding{broken, fmt.Sprintf("%s off from the clock of %s: signatures will be rejected", distance, host), "set this machine's clock (NTP)"}
		case distance > clockWarns:
			return finding{warning, fmt.Sprintf("%s off from the clock of %s", distance, host), "set this machine's clock (NTP)"}
		default:
			return finding{fine, "in sync with " + host, ""}
		}
	}
	return finding{off, "nothing to compare it with", ""}
}

// peers are the addresses of what is switched on.
func peers(cfg *config.Config) []string {
	var all []string
	for _, a := range cfg.SlackApps() {
		all = append(all, string(a.Settings.APIURL))
	}
	for _, a := range cfg.FeishuApps() {
		all = append(all, string(a.Settings.BaseURL))
	}
	if provider, _ := cfg.EffectiveModel(); provider != config.ProviderEcho && cfg.AI.Enabled {
		if p, ok := cfg.Provider(provider); ok {
			all = append(all, string(p.BaseURL))
		}
	}
	return all
}

// timeAt returns the time that a server shows in its answers, whatever those are.
func timeAt(ctx context.Context, address string) (time.Time, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, address, http.NoBody)
	if err != nil {
		return time.Time{}, err
	}
	resp, err := call.Client(nil, 5*time.Second).Do(req)
	if err != nil {
		return time.Time{}, err
	}
	_ = resp.Body.Close()
	return http.ParseTime(resp.Header.Get("Date"))
}

// checkDisk looks at the room where the data is.
func checkDisk(_ context.Context, cfg *config.Config) finding {
	dir := existing(cfg.AI.ConversationPersistence.DataDir)
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return finding{warning, fmt.Sprintf("%s: %s", dir, err), "make sure that data_dir exists and is accessible"}
	}
	free := fs.Bavail * uint64(fs.Bsize)
	room := fmt.Sprintf("%.1f GiB free at %s", float64(free)/(1<<30), dir)
	const remedy = "free some space, or move data_dir to a larger disk"
	switch {
	case free < diskFails:
		return finding{broken, room, remedy}
	case free < diskWarns:
		return finding{warning, room, remedy}
	}
	return finding{fine, room, ""}
}

// checkPort reports whether the port is free, or this program's already.
func checkPort(ctx context.Context, cfg *config.Config) finding {
	address := cfg.Server.Listen
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err == nil {
		_ = l.Close()
		return finding{fine, address + " is free", ""}
	}
	if errors.Is(err, syscall.EADDRINUSE) && isParley(ctx, address) {
		return finding{fine, "parley answers at " + address, ""}
	}
	why := err
	if inner, ok := errors.AsType[*net.OpError](err); ok {
		why = inner.Err
	}
	return finding{broken, fmt.Sprintf("%s: %s", address, why), "stop the program that uses it, or choose another address (server.listen, PARLEY_LISTEN)"}
}

// isParley reports whether it is this program that listens: alive, if perhaps not ready.
func isParley(ctx context.Context, listen string) bool {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/healthz", http.NoBody)
	if err != nil {
		return false
	}
	resp, err := (&http.Client{Timeout: 3 * time.Second}).Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK && resp.Header.Get("X-Request-Id") != ""
}

// backupForm is how the folders of backups are named.
const backupForm = "20060102-150405"

// checkBackup looks how old the last backup is.
func checkBackup(_ context.Context, cfg *config.Config) finding {
	s := &cfg.Scheduler
	if s.Backup == "" {
		return finding{off, "not scheduled (scheduler.backup is empty)", ""}
	}
	entries, err := os.ReadDir(s.BackupDir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return finding{broken, err.Error(), "give this user read access to scheduler.backup_dir"}
	}
	const remedy = "check the other findings and the log of the backup job, or make one now: parley backup --to DIR"
	var last time.Time
	for _, e := range slices.Backward(entries) {
		at, err := time.ParseInLocation(backupForm, e.Name(), time.UTC)
		if err != nil || !e.IsDir() {
			continue
		}
		if _, err := os.Stat(filepath.Join(s.BackupDir, e.Name(), "manifest.json")); err == nil {
			last = at
			break
		}
	}
	if last.IsZero() {
		return finding{warning, "there is no complete backup in " + s.BackupDir + " yet", "wait for the backup job, or run it now: POST /api/v1/jobs/backup/run"}
	}
	age := time.Since(last).Truncate(time.Minute)
	if every := cfg.BackupEvery(); every > 0 && age > 2*every {
		return finding{warning, fmt.Sprintf("the last one is %s old, but one is due every %s", age, every), remedy}
	}
	return finding{fine, fmt.Sprintf("the last one is %s old", age), ""}
}
