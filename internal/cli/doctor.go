package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/parley-bot/parley/internal/config"
)

// checkTime bounds one check.
const checkTime = 15 * time.Second

// verdict is how a check went.
type verdict string

const (
	fine    verdict = "ok"
	off     verdict = "off" // there is nothing to check
	warning verdict = "warn"
	broken  verdict = "fail"
)

// finding is what one check found.
type finding struct {
	verdict verdict
	detail  string // one line
	remedy  string // what to do about it; "" with fine and off
}

// text is the finding on one line.
func (f finding) text() string {
	if f.remedy == "" {
		return f.detail
	}
	return f.detail + "; " + f.remedy
}

// check looks at one thing that parley needs.
type check struct {
	name string
	run  func(ctx context.Context, cfg *config.Config) finding
}

func (p *program) doctorCommand() *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use: "doctor", Short: "Check configuration, database, platforms, model and machine, and say how to fix what is wrong", Args: cobra.NoArgs,
	}
	c.RunE = p.work(func(ctx context.Context, _ []string) error { return p.doctor(ctx, asJSON) })
	jsonFlag(c, &asJSON)
	return c
}

// doctor writes one line for each finding, or all of them as JSON, and fails when
// one of them does.
func (p *program) doctor(ctx context.Context, asJSON bool) error {
	r := &report{OK: true, Checks: []checked{}}
	tell := func(name string, f finding) {
		r.add(name, f)
		if !asJSON {
			detail := strings.Join(strings.Fields(f.text()), " ")
			_, _ = fmt.Fprintf(p.Out, "%-4s  %-8s  %s\n", f.verdict, name, detail)
		}
	}
	if err := p.examineAll(ctx, tell); err != nil {
		return failed("doctor", err)
	}
	if asJSON {
		if err := p.writeJSON(r); err != nil {
			return failed("doctor", err)
		}
	}
	if !r.OK {
		return errReported
	}
	return nil
}

func (p *program) examineAll(ctx context.Context, tell func(name string, f finding)) error {
	cfg, err := p.load(nil)
	if faults, ok := errors.AsType[config.FaultErrors](err); ok {
		for _, fault := range faults {
			tell("config", finding{broken, fault.String(), "fix it, then run parley config check"})
		}
		for _, c := range p.checks(config.Default()) {
			tell(c.name, finding{off, "not checked: the configuration has errors", ""})
		}
		return nil
	}
	if err != nil {
		return err
	}
	tell("config", finding{fine, "valid", ""})
	for _, w := range cfg.Warnings() {
		problem, remedy, _ := strings.Cut(w, "; ")
		tell("config", finding{warning, problem, cmp.Or(remedy, "change it, unless it is intended")})
	}
	for _, c := range p.checks(cfg) {
		tell(c.name, examine(ctx, cfg, c))
	}
	return nil
}

func examine(ctx context.Context, cfg *config.Config, c check) finding {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	return c.run(ctx, cfg)
}

// report is what doctor found, for programs.
type report struct {
	OK     bool      `json:"ok"`
	Checks []checked `json:"checks"`
}

type checked struct {
	Name    string  `json:"name"`
	Status  verdict `json:"status"`
	Message string  `json:"message"`
	Remedy  string  `json:"remedy"`
}

// add notes a finding. Each name is there once: what is worse comes first.
func (r *report) add(name string, f finding) {
	r.OK = r.OK && f.verdict != broken
	i := slices.IndexFunc(r.Checks, func(c checked) bool { return c.Name == name })
	switch {
	case i < 0:
		r.Checks = append(r.Checks, checked{name, f.verdict, f.detail, f.remedy})
	case r.Checks[i].Status == fine:
		r.Checks[i] = checked{name, f.verdict, f.detail, f.remedy}
	default:
		c := &r.Checks[i]
		if f.verdict == broken {
			c.Status = broken
		}
		c.Message, c.Remedy = c.Message+"; "+f.detail, c.Remedy+"; "+f.remedy
	}
}
