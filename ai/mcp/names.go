package mcp

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/parley-bot/parley/ai/pins"
	"github.com/parley-bot/parley/internal/database"
)

// longestName is what providers take.
const longestName = 64

// compareNames orders tools as prompts have them.
func compareNames(a, b string) int { return strings.Compare(a, b) }

// wireName returns the name that a model calls a tool by: SERVER_TOOL. Where that
// could be another tool's, or is none, a hash of the whole name follows. It depends
// on nothing but the tool and the configuration, so it never changes its meaning.
func (s *Servers) wireName(t *pins.Tool) string {
	whole := t.Server + "_" + t.Name
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, whole)
	if name == whole && len(name) <= longestName && !s.mistakable(t.Server, name) {
		return name
	}
	sum := "_" + hex.EncodeToString(database.Hash("tool name", t.Server, t.Name)[:4])
	return name[:min(len(name), longestName-len(sum))] + sum
}

// mistakable reports whether a name could be of a tool that is built in, or of one
// of another server: a_b and its tool c, a and its tool b_c.
func (s *Servers) mistakable(server, name string) bool {
	for other := range s.all {
		if other != server && strings.HasPrefix(server, other+"_") {
			return true
		}
	}
	return slices.Contains(s.o.Reserved, name)
}
