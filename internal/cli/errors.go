package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/parley-bot/parley/internal/config"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the work failed
	exitUsage  = 2 // bad usage or bad configuration
)

// usageError is a mistake in how the program was called.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// workError says what was being done when it failed.
type workError struct {
	what string
	err  error
}

func (e workError) Error() string { return e.what + ": " + e.err.Error() }
func (e workError) Unwrap() error { return e.err }

// failed returns err with what was being done, nil for nil.
func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return workError{what, err}
}

// Errors of a command that has told everything already.
var (
	errReported = errors.New("reported")
	errFaulty   = errors.New("the configuration has errors")
)

// report writes err to stderr and returns the exit code.
func (p *program) report(err error) int {
	if err == nil {
		return exitOK
	}
	if errors.Is(err, errReported) {
		return exitFailed
	}
	if errors.Is(err, errFaulty) {
		return exitUsage
	}
	if faults, ok := errors.AsType[config.FaultErrors](err); ok {
		for _, fault := range faults {
			p.complain("config", fault.String())
		}
		return exitUsage
	}
	if usage, ok := errors.AsType[usageError](err); ok || !p.started {
		if ok {
			err = usage
		}
		p.complain("usage", err.Error())
		return exitUsage
	}
	if work, ok := errors.AsType[workError](err); ok {
		p.complain(work.what, work.err.Error())
		return exitFailed
	}
	p.complain("error", err.Error())
	return exitFailed
}

// complain writes one line: parley: what: why.
func (p *program) complain(what, why string) {
	why = strings.Join(strings.Fields(why), " ")
	_, _ = fmt.Fprintf(p.Err, "parley: %s: %s\n", what, why)
}
