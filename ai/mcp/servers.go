package mcp

import (
	"context"
	"log/slog"
	"maps"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/pins"
	"github.com/parley-bot/parley/internal/service"
)

// Ask says when a person is asked before a tool of a server runs.
type Ask int

// The values of [Ask].
const (
	Auto   Ask = iota // unless the configuration says that it changes nothing
	Always            // whatever it does
	Never             // the administrator trusts it with whatever a model reads
)

// Server says how a server is reached, and what its tools may do. Names of tools are
// the server's own, with * for any characters.
type Server struct {
	Command []string // a program with its arguments, or
	URL     string   // an address
	Env     []string // NAME=value; all that the program has
	Headers map[string]string

	Allow      []string // what models may use; none: all
	Ask        Ask
	ReadOnly   []string // what changes nothing
	Idempotent []string // what may run again with the same key
}

// Pins keeps what is approved, see [pins.Book].
type Pins interface {
	See(ctx context.Context, server string, tools []pins.Tool) (waiting []string, err error)
	Seen(ctx context.Context) ([]string, error)
	Approved(ctx context.Context) ([]pins.Tool, error)
}

// Options are what [New] needs.
type Options struct {
	Servers  map[string]Server
	Pins     Pins
	Reserved []string // names of tools that are built in
	Version  string   // of this program
	Logger   *slog.Logger
}

// Servers are the servers of a process. It is safe for concurrent use.
type Servers struct {
	o     Options
	all   map[string]*connection
	tasks []*service.Task
}

// New returns servers that are not connected yet.
func New(o Options) *Servers {
	s := &Servers{o: o, all: map[string]*connection{}}
	for name, server := range o.Servers {
		s.all[name] = newConnection(name, server, o)
		s.tasks = append(s.tasks, &service.Task{})
	}
	return s
}

// Start connects, and stays connected until Stop.
func (s *Servers) Start(ctx context.Context) {
	for i, name := range slices.Sorted(maps.Keys(s.all)) {
		s.tasks[i].Start(ctx, s.all[name].run)
	}
}

// Stop ends the servers that were started.
func (s *Servers) Stop() {
	var all sync.WaitGroup
	for _, t := range s.tasks {
		all.Go(func() { t.Stop() })
	}
	all.Wait()
}

// firstLook is how long tools are waited for whose server nobody has ever seen.
const firstLook = 10 * time.Second

// Tools returns what models may use, by name. A server that is not there at the moment
// keeps its tools, so that prompts stay as they are: a call says that it is not there.
func (s *Servers) Tools(ctx context.Context) []ai.Tool {
	s.awaitNew(ctx)
	approved, err := s.o.Pins.Approved(ctx)
	if err != nil {
		s.o.Logger.WarnContext(ctx, "approved tools cannot be looked up", slog.Any("error", err))
		return nil
	}
	var tools []ai.Tool
	for i := range approved {
		if c := s.all[approved[i].Server]; c != nil && c.has(&approved[i]) {
			tools = append(tools, s.tool(c, &approved[i]))
		}
	}
	slices.SortFunc(tools, func(a, b ai.Tool) int { return compareNames(a.Name, b.Name) })
	return tools
}

// awaitNew waits for the first look at servers that nobody has ever seen.
func (s *Servers) awaitNew(ctx context.Context) {
	seen, err := s.o.Pins.Seen(ctx)
	if err != nil {
		return // which Approved tells of
	}
	ctx, cancel := context.WithTimeout(ctx, firstLook)
	defer cancel()
	for name, c := range s.all {
		if !slices.Contains(seen, name) {
			c.awaitLook(ctx)
		}
	}
}

func (s *Servers) tool(c *connection, t *pins.Tool) ai.Tool {
	tool := ai.Tool{
		Name: s.wireName(t), Description: t.Description, Schema: []byte(t.Input), Effect: ai.Once, Approval: ai.Asked,
	}
	readOnly := matches(c.server.ReadOnly, t.Name)
	switch {
	case readOnly:
		tool.Effect = ai.Pure
	case matches(c.server.Idempotent, t.Name):
		tool.Effect = ai.Idempotent
	}
	switch {
	case c.server.Ask == Never:
		tool.Approval = ai.Trusted
	case readOnly && c.server.Ask == Auto:
		tool.Approval = ai.Free
	}
	repeats := tool.Effect != ai.Once
	tool.Run = func(ctx context.Context, key, arguments string) (ai.ToolResult, error) {
		if !repeats {
			key = ""
		}
		return c.call(ctx, t, key, arguments)
	}
	return tool
}

// matches reports whether a name is one of these, in which * stands for any characters.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return p == name || ok && err == nil
	})
}
