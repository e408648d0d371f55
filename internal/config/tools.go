package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Tools are what models may use while they answer.
type Tools struct {
	// Those that are built in. fetch_url, which reads pages of the web, is off unless it is named.
	Builtin []string `yaml:"builtin" jsonschema:"enum=current_time,enum=remember,enum=recall,enum=search_history,enum=fetch_url"`
	// How often a model may use some before it has to answer; 0 = it has none.
	MaxRounds int `yaml:"max_rounds" jsonschema:"minimum=0,maximum=100"`
	// Of one use.
	Timeout time.Duration `yaml:"timeout"`
	// Whose yes counts where a person is asked before a tool is used.
	Approve string `yaml:"approve" jsonschema:"enum=asker,enum=admins"`
	// Servers of tools that speak the Model Context Protocol, by the names that stand before their tools.
	MCP map[string]MCPServer `yaml:"mcp"`
}

// BuiltinTools returns the names of all tools that are built in.
func BuiltinTools() []string {
	return []string{"current_time", "remember", "recall", "search_history", "fetch_url"}
}

// When a person is asked before a tool of a server runs.
const (
	AskAuto   = "auto"
	AskAlways = "always"
	AskNever  = "never"
)

// MCPServer is a server of tools: a program that is started, or an address.
type MCPServer struct {
	// Program and arguments: it is started as Parley's user, and spoken to over its standard input and output.
	Command []string `yaml:"command" jsonschema:"minLength=1"`
	// All that is in the program's environment.
	Env map[string]Secret `yaml:"env"`
	// Address of a server over streamable HTTP.
	URL URL `yaml:"url"`
	// Sent with each request, such as Authorization: Bearer KEY.
	Headers map[string]Secret `yaml:"headers"`
	// The tools that models may use, by the server's names; * stands for any characters. Empty: all.
	Allow []string `yaml:"allow" jsonschema:"minLength=1"`
	// When a person is asked before a tool runs: auto (unless read_only names it), always or never. Empty: auto.
	Ask string `yaml:"ask" jsonschema:"enum=,enum=auto,enum=always,enum=never"`
	// Tools that change nothing: they run again after a crash.
	ReadOnly []string `yaml:"read_only" jsonschema:"minLength=1"`
	// Tools that may run again with the same key.
	Idempotent []string `yaml:"idempotent" jsonschema:"minLength=1"`
}

// serverName may stand in a tool's name before the server's own.
var serverName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// checkServers holds each server of tools to being one program or one address.
func (l *loader) checkServers() {
	for _, name := range slices.Sorted(maps.Keys(l.config.AI.Tools.MCP)) {
		key, s := join(serversKey, name), l.config.AI.Tools.MCP[name]
		if !serverName.MatchString(name) {
			l.wrong(key, "a server's name has at most 32 letters, digits, - and _")
		}
		switch {
		case len(s.Command) == 0 && s.URL == "":
			l.wrong(key, "needs a command, such as [npx, -y, PACKAGE], or a url")
		case len(s.Command) > 0 && s.URL != "":
			l.wrong(key, "has a command and a url, and can have only one of them")
		case s.URL == "" && len(s.Headers) > 0:
			l.wrong(join(key, "headers"), "are for a server with a url; a command gets its secrets by env")
		case s.URL != "" && len(s.Env) > 0:
			l.wrong(join(key, "env"), "is for a server with a command; a url gets its secrets by headers")
		}
		for variable := range s.Env {
			if variable == "" || strings.ContainsAny(variable, "=\x00") {
				l.wrong(join(key, "env"), "%s is no name of a variable", quote(variable))
			}
		}
	}
}

// toolWarnings name what is allowed to run without anybody's yes.
func (c *Config) toolWarnings() (list []string) {
	for _, name := range slices.Sorted(maps.Keys(c.AI.Tools.MCP)) {
		if c.AI.Tools.MCP[name].Ask == AskNever {
			list = append(list, join(serversKey, name)+".ask is never: whatever others say in a chat or on a page can have its tools run; set it to auto, unless none of them can do harm")
		}
	}
	return list
}
