package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
)

// script is a talker that answers as it is told to.
type script func(ctx context.Context, text string, onDelta func(string)) (string, error)

func (s script) Say(ctx context.Context, text string, onDelta func(string)) (string, error) {
	return s(ctx, text, onDelta)
}

func newProgram(in string, interrupts <-chan os.Signal) (p *program, out, errs *bytes.Buffer) {
	out, errs = &bytes.Buffer{}, &bytes.Buffer{}
	p = &program{Streams: Streams{strings.NewReader(in), out, errs, interrupts}, log: slog.New(slog.DiscardHandler)}
	return p, out, errs
}

func TestChatAnswersLineByLine(t *testing.T) {
	t.Parallel()
	var said []string
	talk := script(func(_ context.Context, text string, onDelta func(string)) (string, error) {
		said = append(said, text)
		switch text {
		case "stream":
			onDelta("one ")
			onDelta("two")
			return "one two", nil
		case "replace":
			onDelta("draft")
			return "final", nil
		case "fail":
			return "", errors.New("no\nluck")
		case "cut":
			onDelta("half")
			return "", errors.New("cut")
		}
		return "whole", nil
	})
	p, out, errs := newProgram("plain\r\n\n  \nstream\nreplace\nfail\ncut\nlast without newline", nil)
	err := p.chat(t.Context(), talk, p.lines())
	if !errors.Is(err, errReported) {
		t.Errorf("a failed reply must show in the exit code, got %v", err)
	}
	if want := "whole\none two\ndraft\nfinal\nhalf\nwhole\n"; out.String() != want {
		t.Errorf("stdout:\n%s\nwant:\n%s", out, want)
	}
	if want := "parley: chat: no luck\nparley: chat: cut\n"; errs.String() != want {
		t.Errorf("stderr: %q", errs)
	}
	if got := strings.Join(said, "|"); got != "plain|stream|replace|fail|cut|last without newline" {
		t.Errorf("said %s", got)
	}
}

// keys is a lineReader with Ctrl-C among the lines.
type keys struct{ lines []string }

func (k *keys) ReadLine(context.Context) (string, error) {
	if len(k.lines) == 0 {
		return "", io.EOF
	}
	line := k.lines[0]
	k.lines = k.lines[1:]
	if line == "^C" {
		return "", errInterrupted
	}
	return line, nil
}

func TestCtrlC(t *testing.T) {
	t.Parallel()
	const slow = "slow" // makes a reply that only ends when it is interrupted
	tests := []struct {
		name  string
		lines []string
		said  string
	}{
		{"once at the prompt", []string{"a", "^C", "b"}, "a b"},
		{"twice at the prompt", []string{"a", "^C", "^C", "b"}, "a"},
		{"a line in between", []string{"^C", "a", "^C", "b"}, "a b"},
		{"in a reply", []string{slow, "b"}, "slow b"},
		{"in a reply and at the prompt", []string{slow, "^C", "b"}, "slow"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			interrupts := make(chan os.Signal)
			var said []string
			talk := script(func(ctx context.Context, text string, onDelta func(string)) (string, error) {
				said = append(said, text)
				if text != slow {
					return "ok", nil
				}
				onDelta("half a re")
				interrupts <- os.Interrupt
				<-ctx.Done()
				return "", ctx.Err()
			})
			p, _, errs := newProgram("", interrupts)
			if err := p.chat(t.Context(), talk, &keys{tt.lines}); err != nil {
				t.Errorf("leaving is no failure, got %v", err)
			}
			if got := strings.Join(said, " "); got != tt.said {
				t.Errorf("said %q, want %q", got, tt.said)
			}
			if errs.Len() > 0 {
				t.Errorf("stderr: %s", errs)
			}
		})
	}
}

// TestLateCtrlC presses Ctrl-C between a reply and the next prompt: it must not stop the next reply.
func TestLateCtrlC(t *testing.T) {
	t.Parallel()
	interrupts := make(chan os.Signal, 1)
	interrupts <- os.Interrupt
	talk := script(func(ctx context.Context, _ string, _ func(string)) (string, error) {
		return "whole", ctx.Err()
	})
	p, out, _ := newProgram("", interrupts)
	if err := p.chat(t.Context(), talk, &keys{[]string{"a"}}); err != nil || out.String() != "whole\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

// TestCtrlCWhileReadingAPipe ends the chat although the read never returns.
func TestCtrlCWhileReadingAPipe(t *testing.T) {
	t.Parallel()
	in, hold := io.Pipe()
	defer hold.Close()
	interrupts := make(chan os.Signal, 1)
	interrupts <- os.Interrupt
	p, _, _ := newProgram("", interrupts)
	if err := p.chat(t.Context(), script(nil), plain{bufio.NewReader(in), interrupts}); err != nil {
		t.Error(err)
	}
}
