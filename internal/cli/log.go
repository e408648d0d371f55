package cli

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
)

// logger returns the log that the flags ask for. It goes to stderr.
func (p *program) logger() (*slog.Logger, error) {
	level, ok := levels()[p.flags.logLevel]
	if !ok {
		return nil, usageError{fmt.Errorf("--log-level must be one of debug, info, warn, error, got %q", p.flags.logLevel)}
	}
	terminal := isTerminal(p.Err)
	switch format := p.flags.logFormat; {
	case format == "text" || format == "" && terminal:
		return slog.New(tint.NewTextHandler(p.Err, &tint.Options{Level: level, NoColor: !terminal || p.env("NO_COLOR") != ""})), nil
	case format == "json" || format == "":
		return slog.New(slog.NewJSONHandler(p.Err, &slog.HandlerOptions{Level: level})), nil
	default:
		return nil, usageError{fmt.Errorf("--log-format must be text or json, got %q", format)}
	}
}

func levels() map[string]slog.Level {
	return map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
}

// isTerminal reports whether a stream is a person's terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
