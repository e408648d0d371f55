package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestCtrlCEndsTheWork(t *testing.T) {
	t.Parallel()
	interrupts := make(chan os.Signal, 1)
	p, _, _ := newProgram("", interrupts)
	p.flags.logLevel = "info"
	run := p.work(func(ctx context.Context, _ []string) error {
		interrupts <- os.Interrupt
		<-ctx.Done()
		return nil
	})
	cmd := &cobra.Command{}
	cmd.SetContext(t.Context())
	if err := run(cmd, nil); err != nil {
		t.Error(err)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err     error
		started bool
		code    int
		line    string
	}{
		{nil, true, 0, ""},
		{errReported, true, 1, ""},
		{errors.New("odd"), true, 1, "parley: error: odd\n"},
		{errors.New("odd\n\tUsage: x"), false, 2, "parley: usage: odd Usage: x\n"},
		{failed("serve", errors.New("port in use\nbye")), true, 1, "parley: serve: port in use bye\n"},
		{failed("serve", nil), true, 0, ""},
	}
	for _, tt := range tests {
		p, out, errs := newProgram("", nil)
		p.started = tt.started
		if code := p.report(tt.err); code != tt.code || errs.String() != tt.line || out.Len() > 0 {
			t.Errorf("%v: got %d %q", tt.err, code, errs)
		}
	}
}

// TestPanicIsOneLine breaks the program from inside: writing to no stream panics.
func TestPanicIsOneLine(t *testing.T) {
	t.Parallel()
	var errs bytes.Buffer
	code := Run(t.Context(), "", Streams{In: strings.NewReader(""), Out: nothing{}, Err: &errs}, []string{"version", "--log-level", "debug", "--log-format", "json"}, nil)
	lines := strings.Split(strings.TrimSpace(errs.String()), "\n")
	if code != 1 || len(lines) != 2 || lines[1] != "parley: internal error: broken stream" {
		t.Errorf("got %d and\n%s", code, errs.String())
	}
	if !strings.Contains(lines[0], `"msg":"panic"`) || !strings.Contains(lines[0], "run_test.go") {
		t.Errorf("the debug log has no stack: %s", lines[0])
	}
}

type nothing struct{}

func (nothing) Write([]byte) (int, error) { panic("broken stream") }
