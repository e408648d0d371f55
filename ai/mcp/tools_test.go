package mcp_test

import (
	"context"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/mcp"
	"github.com/parley-bot/parley/ai/pins"
)

// pinned are tools that are approved, of servers that are not there yet.
type pinned []pins.Tool

func (p pinned) Approved(context.Context) ([]pins.Tool, error) { return p, nil }

func (p pinned) Seen(context.Context) ([]string, error) {
	return []string{"a", "a_b", "current", "web-1", "files"}, nil
}

func (p pinned) See(context.Context, string, []pins.Tool) ([]string, error) { return nil, nil }

func offered(t *testing.T, servers map[string]mcp.Server, tools ...pins.Tool) []ai.Tool {
	t.Helper()
	s := mcp.New(mcp.Options{
		Servers: servers, Pins: pinned(tools), Reserved: []string{"current_time"}, Logger: slog.New(slog.DiscardHandler),
	})
	return s.Tools(t.Context())
}

// Each tool has a name of its own that every provider takes, in order, and the same
// one whatever else there is.
func TestNamesOnTheWire(t *testing.T) {
	t.Parallel()
	servers := map[string]mcp.Server{"a": {}, "a_b": {}, "current": {}, "web-1": {}}
	tools := []pins.Tool{
		{Server: "a", Name: "b_c"},
		{Server: "a_b", Name: "c"},
		{Server: "current", Name: "time"},
		{Server: "current", Name: "times"},
		{Server: "web-1", Name: "list.all"},
		{Server: "web-1", Name: "list_all"},
		{Server: "web-1", Name: "名前"},
		{Server: "web-1", Name: strings.Repeat("x", 100)},
		{Server: "web-1", Name: strings.Repeat("x", 100) + "y"},
		{Server: "web-1", Name: strings.Repeat("x", 58)},
		{Server: "gone", Name: "tool"},
	}
	all := offered(t, servers, tools...)
	var names []string
	for _, tool := range all {
		names = append(names, tool.Name)
		if !regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`).MatchString(tool.Name) || tool.Name == "current_time" {
			t.Errorf("%q", tool.Name)
		}
	}
	if len(names) != len(tools)-1 || !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("%q", names)
	}
	for _, plain := range []string{"a_b_c", "current_times", "web-1_list_all", "web-1_" + strings.Repeat("x", 58)} {
		if !slices.Contains(names, plain) {
			t.Errorf("%q is not among %q", plain, names)
		}
	}
	for i := range tools[:len(tools)-1] {
		if one := offered(t, servers, tools[i]); len(one) != 1 || !slices.Contains(names, one[0].Name) {
			t.Errorf("%s alone is %+v", tools[i].Name, one)
		}
	}
}

// What a tool may do is what the configuration says, and nothing else.
func TestWhatToolsMayDo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		server   mcp.Server
		there    bool
		effect   ai.Effect
		approval ai.Approval
	}{
		{"nothing said", mcp.Server{}, true, ai.Once, ai.Asked},
		{"read only", mcp.Server{ReadOnly: []string{"read_*"}}, true, ai.Pure, ai.Free},
		{"another is read only", mcp.Server{ReadOnly: []string{"read"}}, true, ai.Once, ai.Asked},
		{"idempotent", mcp.Server{Idempotent: []string{"read_file"}}, true, ai.Idempotent, ai.Asked},
		{"always", mcp.Server{Ask: mcp.Always, ReadOnly: []string{"*"}}, true, ai.Pure, ai.Asked},
		{"never", mcp.Server{Ask: mcp.Never}, true, ai.Once, ai.Trusted},
		{"allowed", mcp.Server{Allow: []string{"write_*", "*_file"}}, true, ai.Once, ai.Asked},
		{"not allowed", mcp.Server{Allow: []string{"write_*", "[", "file"}}, false, 0, 0},
	} {
		got := offered(t, map[string]mcp.Server{"files": tt.server}, pins.Tool{Server: "files", Name: "read_file"})
		if len(got) == 1 != tt.there || tt.there && (got[0].Effect != tt.effect || got[0].Approval != tt.approval) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}
