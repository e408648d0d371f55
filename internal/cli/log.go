package cli

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"

	"github.com/parley-bot/parley/internal/show"
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
		return slog.New(tint.NewTextHandler(raw(p.Err), &tint.Options{
			Level: level, NoColor: !terminal || p.env("NO_COLOR") != "", ReplaceAttr: show.LogAttr,
		})), nil
	case format == "json" || format == "":
		return slog.New(slog.NewJSONHandler(show.NewJSON(raw(p.Err)), &slog.HandlerOptions{Level: level})), nil
	default:
		return nil, usageError{fmt.Errorf("--log-format must be text or json, got %q", format)}
	}
}

func levels() map[string]slog.Level {
	return map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
}

// raw returns the stream below one that lets nothing through that steers a
// terminal: for colours, bars, and JSON, which escapes what it holds.
func raw(w io.Writer) io.Writer {
	if safe, ok := w.(*show.Writer); ok {
		return safe.Unwrap()
	}
	return w
}

// isTerminal reports whether a stream is a person's terminal.
func isTerminal(stream any) bool {
	if w, ok := stream.(io.Writer); ok {
		stream = raw(w)
	}
	f, ok := stream.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
