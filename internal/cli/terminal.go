package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/reeflective/readline"
)

// lines returns a line editor on a terminal, else a plain reader: one line in, one reply out.
func (p *program) lines() lineReader {
	if isTerminal(p.In) && isTerminal(p.Out) {
		shell := readline.NewShell()
		shell.Prompt.Primary(func() string { return "you> " })
		return editor{shell}
	}
	return plain{in: bufio.NewReader(p.In), interrupts: p.Interrupts}
}

// editor reads lines with history and editing. While it reads, the terminal is
// raw and Ctrl-C a key.
type editor struct{ shell *readline.Shell }

func (e editor) ReadLine(context.Context) (string, error) {
	line, err := e.shell.Readline()
	if errors.Is(err, readline.ErrInterrupt) {
		return "", errInterrupted
	}
	return line, err
}

// plain reads lines from a pipe or file.
type plain struct {
	in         *bufio.Reader
	interrupts <-chan os.Signal
}

// ReadLine returns at once when ctx ends or Ctrl-C comes. Its goroutine then
// stays with the read, which nothing can stop, until the process ends; no
// second one is started, since the chat is over.
func (r plain) ReadLine(ctx context.Context) (string, error) {
	type result struct {
		line string
		err  error
	}
	read := make(chan result, 1)
	go func() {
		line, err := r.in.ReadString('\n')
		read <- result{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", io.EOF
	case <-r.interrupts:
		return "", io.EOF
	case got := <-read:
		if got.err != nil && got.line == "" {
			return "", got.err
		}
		return strings.TrimRight(got.line, "\r\n"), nil
	}
}
