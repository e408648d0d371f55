package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/parley-bot/parley/ai/pins"
	"github.com/parley-bot/parley/internal/app"
	"github.com/parley-bot/parley/internal/config"
	"github.com/parley-bot/parley/internal/database"
)

// toolChecks connect to each server of tools.
func (p *program) toolChecks(cfg *config.Config) (all []check) {
	for _, name := range slices.Sorted(maps.Keys(cfg.AI.Tools.MCP)) {
		all = append(all, check{"mcp." + name, func(ctx context.Context, cfg *config.Config) finding { return p.checkTools(ctx, cfg, name) }})
	}
	return all
}

// checkTools starts or reaches a server, and holds what it has to what is approved.
func (p *program) checkTools(ctx context.Context, cfg *config.Config, name string) finding {
	s, version := cfg.AI.Tools.MCP[name], p.version
	tools, err := app.LookAtTools(ctx, cfg, name, version, p.log)
	switch {
	case err != nil && s.URL != "":
		return finding{broken, err.Error(), fmt.Sprintf("make sure that ai.tools.mcp.%s.url is reachable from here and accepts the headers", name)}
	case err != nil:
		return finding{broken, err.Error(), fmt.Sprintf("make sure that ai.tools.mcp.%s.command runs on its own, with everything it needs in env (PATH, HOME)", name)}
	case len(tools) == 0:
		return finding{warning, "it offers no tools", "check whether it needs an argument or a setting to offer some"}
	}
	if off := p.waitingTools(ctx, cfg, name); len(off) > 0 {
		return finding{
			warning, fmt.Sprintf("%d tools; off because they are new or have changed: %s", len(tools), strings.Join(off, ", ")),
			"review their descriptions (parley tools list), then run parley tools approve NAME",
		}
	}
	return finding{fine, fmt.Sprintf("%d tools", len(tools)), ""}
}

// waitingTools returns the tools of a server that wait to be approved. A database
// that cannot be read is told of by its own check.
func (p *program) waitingTools(ctx context.Context, cfg *config.Config, server string) (names []string) {
	_ = p.peek(ctx, cfg, func(db *database.DB) error {
		all, err := pins.Book{DB: db}.List(ctx)
		for i := range all {
			if t := &all[i]; t.State != pins.Approved && strings.HasPrefix(t.Name, server+".") {
				names = append(names, t.Name)
			}
		}
		return err
	})
	return names
}
