package mcp

import (
	"maps"
	"testing"
)

// The SDK still reads what it was sent while tools are looked at.
func TestSchemaIsNotChangedInPlace(t *testing.T) {
	t.Parallel()
	sent := map[string]any{"$schema": "https://json-schema.org/draft/2020-12/schema"}
	before := maps.Clone(sent)
	text, err := inputSchema(sent)
	if err != nil || text != `{"properties":{},"type":"object"}` {
		t.Errorf("%s, %v", text, err)
	}
	if !maps.Equal(sent, before) {
		t.Errorf("it became %v", sent)
	}
}
