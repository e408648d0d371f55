package app

import (
	"context"
	"log/slog"
	"slices"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/fetch"
	"github.com/parley-bot/parley/ai/mcp"
	"github.com/parley-bot/parley/ai/pins"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/config"
)

// openTools returns what models may use. Servers of tools are connected to by start.
func (c *core) openTools(cfg *config.Config, log *slog.Logger, version string) turn.Tools {
	of := &cfg.AI.Tools
	tools := turn.Tools{
		Builtin: of.Builtin, MaxRounds: of.MaxRounds, Timeout: of.Timeout, Approve: turn.Approvers(of.Approve),
	}
	if of.MaxRounds == 0 || !cfg.AI.Enabled {
		return tools
	}
	var own []ai.Tool
	if slices.Contains(of.Builtin, fetch.Name) {
		own = append(own, fetch.New(fetch.Options{}))
	}
	if len(of.MCP) > 0 {
		c.tools = mcp.New(mcp.Options{
			Servers: servers(cfg), Pins: pins.Book{DB: c.db}, Reserved: config.BuiltinTools(), Version: version, Logger: log,
		})
		c.onStop(c.tools.Stop)
	}
	tools.More = func(ctx context.Context) []ai.Tool {
		if c.tools == nil {
			return own
		}
		return slices.Concat(own, c.tools.Tools(ctx))
	}
	return tools
}

// LookAtTools connects to one of the configured servers of tools, and returns what it has.
func LookAtTools(ctx context.Context, cfg *config.Config, name, version string, log *slog.Logger) ([]pins.Tool, error) {
	return mcp.Look(ctx, name, servers(cfg)[name], version, log)
}

// servers returns the configured servers of tools.
func servers(cfg *config.Config) map[string]mcp.Server {
	all := map[string]mcp.Server{}
	for name := range cfg.AI.Tools.MCP {
		s := cfg.AI.Tools.MCP[name]
		server := mcp.Server{
			Command: s.Command, URL: string(s.URL), Headers: map[string]string{},
			Allow: s.Allow, ReadOnly: s.ReadOnly, Idempotent: s.Idempotent, Ask: asks(s.Ask),
		}
		for variable, value := range s.Env {
			server.Env = append(server.Env, variable+"="+value.Reveal())
		}
		slices.Sort(server.Env)
		for header, value := range s.Headers {
			server.Headers[header] = value.Reveal()
		}
		all[name] = server
	}
	return all
}

func asks(when string) mcp.Ask {
	switch when {
	case config.AskAlways:
		return mcp.Always
	case config.AskNever:
		return mcp.Never
	}
	return mcp.Auto
}
