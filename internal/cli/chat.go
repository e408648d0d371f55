package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/parley-bot/parley/internal/config"
)

// talker is the pipeline as the terminal sees it. onDelta gets the reply piece
// by piece while it is being made, all of it or nothing.
type talker interface {
	Say(ctx context.Context, text string, onDelta func(delta string)) (reply string, err error)
}

// openTalk opens the pipeline; done closes it.
type openTalk func(ctx context.Context, cfg *config.Config, p *program) (t talker, done func() error, err error)

// lineReader asks the person for one line. The error is io.EOF at the end of
// the input and errInterrupted for Ctrl-C.
type lineReader interface {
	ReadLine(ctx context.Context) (string, error)
}

var errInterrupted = errors.New("interrupted")

func (p *program) chatCommand(open openTalk) *cobra.Command {
	return &cobra.Command{
		Use: "chat", Short: "Chat from the terminal through the same pipeline; no server needed", Args: cobra.NoArgs,
		Annotations: map[string]string{quiet: "warn"}, // a log line in the middle of a reply helps nobody
		RunE: p.begin(func(ctx context.Context, _ []string) (err error) {
			cfg, err := p.load(nil)
			if err != nil {
				return err
			}
			talk, done, err := open(ctx, cfg, p)
			if err != nil {
				return failed("chat", err)
			}
			defer func() {
				if closed := done(); err == nil {
					err = failed("chat", closed)
				}
			}()
			return p.chat(ctx, talk, p.lines())
		}),
	}
}

// chat takes line after line to the pipeline until the input ends. Ctrl-C ends
// the reply that is being made; twice in a row it ends the chat. A reply that
// fails is told and does not end the chat, but its exit code.
func (p *program) chat(ctx context.Context, talk talker, lines lineReader) error {
	interrupted, wrong := false, false
	for {
		line, err := lines.ReadLine(ctx)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, errInterrupted) && interrupted, ctx.Err() != nil:
			if wrong {
				return errReported
			}
			return nil
		case errors.Is(err, errInterrupted):
			interrupted = true
			_, _ = fmt.Fprintln(p.Out, "(press Ctrl-C again to quit)")
			continue
		case err != nil:
			return failed("chat", err)
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		interrupted, err = p.exchange(ctx, talk, line)
		if err != nil {
			wrong = true
			p.complain("chat", err.Error())
		}
	}
}

// exchange says one line and shows the reply as it comes.
func (p *program) exchange(ctx context.Context, talk talker, line string) (interrupted bool, err error) {
	select {
	case <-p.Interrupts: // came before this line was sent, and is not meant for its reply
	default:
	}
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-ctx.Done():
		case <-p.Interrupts:
			interrupted = true
			cancel()
		}
	})
	var shown strings.Builder
	out := p.replies()
	reply, err := talk.Say(ctx, line, func(delta string) {
		shown.WriteString(delta)
		_, _ = io.WriteString(out, delta)
	})
	cancel()
	watch.Wait()
	if interrupted {
		_ = out.Close()
		_, _ = fmt.Fprintln(p.Out, "\n(stopped; press Ctrl-C again to quit)")
		return true, nil
	}
	if err != nil {
		if shown.Len() > 0 {
			_ = out.Close()
			_, _ = fmt.Fprintln(p.Out)
		}
		return false, err
	}
	rest, ok := strings.CutPrefix(reply, shown.String())
	if !ok { // what streamed was not kept: show what was
		rest = "\n" + reply
	}
	_, _ = io.WriteString(out, rest)
	_ = out.Close()
	_, _ = fmt.Fprintln(p.Out)
	return false, nil
}
