package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/config"
)

func tools(t *testing.T, text string, environ ...string) (*config.Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte("ai: {tools: "+text+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load(config.LoadOptions{Path: path, Environ: environ})
}

func TestServersOfTools(t *testing.T) {
	t.Parallel()
	c, err := tools(t, `{builtin: [fetch_url], mcp: {files: {command: [a, b], env: {TOKEN: "${T}"}, read_only: ["list_*"]}, web: {url: "https://x", ask: never}}}`,
		"T=secret", "PARLEY_AI__TOOLS__MCP__WEB__URL=https://y", "PARLEY_AI__TOOLS__MCP__MORE__COMMAND=run")
	if err != nil {
		t.Fatal(err)
	}
	s := c.AI.Tools.MCP
	if files := s["files"]; len(files.Command) != 2 || files.Env["TOKEN"].Reveal() != "secret" || files.ReadOnly[0] != "list_*" {
		t.Errorf("%+v", files)
	}
	if s["web"].URL != "https://y" || len(s["more"].Command) != 1 {
		t.Errorf("%+v", s)
	}
	if warnings := strings.Join(c.Warnings(), "\n"); !strings.Contains(warnings, "ai.tools.mcp.web.ask is never") {
		t.Errorf("the warnings are %s", warnings)
	}
}

func TestServersOfToolsThatAreWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{mcp: {a: {}}}`: "ai.tools.mcp.a: needs a command",
		`{mcp: {a: {command: [x], url: "http://x"}}}`: "has both a command and a url",
		`{mcp: {"a.b": {command: [x]}}}`:              "a server's name may have at most 32",
		`{mcp: {a: {command: [x], headers: {K: v}}}}`: "headers",
		`{mcp: {a: {url: "http://x", env: {K: v}}}}`:  "env",
		`{mcp: {a: {command: [x], env: {"K=": v}}}}`:  "is not a variable name",
		`{mcp: {a: {command: [x], ask: sometimes}}}`:  "ai.tools.mcp.a.ask",
		`{mcp: {a: {command: [x], readonly: [y]}}}`:   "unknown key",
		`{approve: nobody}`:                           "ai.tools.approve",
		`{builtin: [shell]}`:                          "ai.tools.builtin",
	} {
		if _, err := tools(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
