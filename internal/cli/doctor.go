package cli

import (
	"context"
	"errors"
	"fmt"
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
	warning verdict = "warn"
	broken  verdict = "fail"
)

// finding is what one check found.
type finding struct {
	verdict verdict
	detail  string // one line
}

// check looks at one thing that parley needs.
type check struct {
	name string
	run  func(ctx context.Context, cfg *config.Config) finding
}

func (p *program) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Check configuration, database, platform credentials and model", Args: cobra.NoArgs,
		RunE: p.work(p.doctor),
	}
}

// doctor writes one line for each check and fails when one of them does.
func (p *program) doctor(ctx context.Context, _ []string) error {
	cfg, err := p.load(nil)
	if faults, ok := errors.AsType[config.FaultErrors](err); ok {
		for _, fault := range faults {
			p.say("config", finding{broken, fault.String()})
		}
		return errReported
	}
	if err != nil {
		return failed("doctor", err)
	}
	p.say("config", finding{fine, "valid"})
	for _, w := range cfg.Warnings() {
		p.say("config", finding{warning, w})
	}
	healthy := true
	for _, c := range p.checks() {
		f := examine(ctx, cfg, c)
		p.say(c.name, f)
		healthy = healthy && f.verdict != broken
	}
	if !healthy {
		return errReported
	}
	return nil
}

func examine(ctx context.Context, cfg *config.Config, c check) finding {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	return c.run(ctx, cfg)
}

// say writes the line of one finding.
func (p *program) say(name string, f finding) {
	detail := strings.Join(strings.Fields(f.detail), " ")
	_, _ = fmt.Fprintf(p.Out, "%-4s  %-8s  %s\n", f.verdict, name, detail)
}
