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
	// Built-in tools. fetch_url, which reads web pages, is off unless it is listed.
	Builtin []string `yaml:"builtin" jsonschema:"enum=current_time,enum=remember,enum=recall,enum=search_history,enum=fetch_url"`
	// Rounds of tool calls before a model has to answer; 0 = no tools.
	MaxRounds int `yaml:"max_rounds" jsonschema:"minimum=0,maximum=100"`
	// Time limit of one call.
	Timeout time.Duration `yaml:"timeout"`
	// Who may approve a tool call that needs approval.
	Approve string `yaml:"approve" jsonschema:"enum=asker,enum=admins"`
	// Tool servers that speak the Model Context Protocol, by the name that precedes their tools.
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
	// Program and arguments. It runs as Parley's user and communicates over standard input and output.
	Command []string `yaml:"command" jsonschema:"minLength=1"`
	// The program's whole environment.
	Env map[string]Secret `yaml:"env"`
	// Address of a server over streamable HTTP.
	URL URL `yaml:"url"`
	// Sent with each request, such as Authorization: Bearer KEY.
	Headers map[string]Secret `yaml:"headers"`
	// The tools that models may use, by the server's names; * matches any characters. Empty: all.
	Allow []string `yaml:"allow" jsonschema:"minLength=1"`
	// When a person is asked before a tool runs: auto (unless read_only names it), always or never. Empty: auto.
	Ask string `yaml:"ask" jsonschema:"enum=,enum=auto,enum=always,enum=never"`
	// Tools that change nothing, so they may run again after a crash.
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
			l.wrong(key, "a server's name may have at most 32 letters, digits, - and _")
		}
		switch {
		case len(s.Command) == 0 && s.URL == "":
			l.wrong(key, "needs a command, such as [npx, -y, PACKAGE], or a url")
		case len(s.Command) > 0 && s.URL != "":
			l.wrong(key, "has both a command and a url; keep one of them")
		case s.URL == "" && len(s.Headers) > 0:
			l.wrong(join(key, "headers"), "only work with a url; pass secrets to a command in env")
		case s.URL != "" && len(s.Env) > 0:
			l.wrong(join(key, "env"), "only works with a command; pass secrets to a url in headers")
		}
		for variable := range s.Env {
			if variable == "" || strings.ContainsAny(variable, "=\x00") {
				l.wrong(join(key, "env"), "%s is not a variable name", quote(variable))
			}
		}
	}
}

// toolWarnings name what is allowed to run without anybody's yes.
func (c *Config) toolWarnings() (list []string) {
	for _, name := range slices.Sorted(maps.Keys(c.AI.Tools.MCP)) {
		if c.AI.Tools.MCP[name].Ask == AskNever {
			list = append(list, join(serversKey, name)+".ask is never: anything that is written in a chat or on a web page can make its tools run; set it to auto, unless none of them can do harm")
		}
	}
	return list
}
