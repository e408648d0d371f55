package fakeslack

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// What Slack takes of blocks.
// Source: https://docs.slack.dev/reference/block-kit/blocks
const (
	maxBlocks    = 50
	maxColumns   = 20
	maxRows      = 100 // without the head of a data table
	maxCells     = 10_000
	maxBlockText = 13_200 // characters in all of a message's blocks; not documented
)

type block struct {
	Type     string            `json:"type"`
	Caption  string            `json:"caption"`
	Elements []json.RawMessage `json:"elements"`
	Rows     [][]any           `json:"rows"`
}

// refuseBlocks returns the error code for blocks that Slack would refuse, ""
// for those that it takes.
func refuseBlocks(raw string) string {
	if raw == "" {
		return ""
	}
	var blocks []block
	var all []any
	if json.Unmarshal([]byte(raw), &blocks) != nil || json.Unmarshal([]byte(raw), &all) != nil {
		return "invalid_blocks_format"
	}
	var text strings.Builder
	if !readBlocks(&text, all) || len(blocks) > maxBlocks {
		return "invalid_blocks"
	}
	if utf8.RuneCountInString(text.String()) > maxBlockText {
		return "msg_blocks_too_long"
	}
	var cells strings.Builder
	for _, b := range blocks {
		if !b.valid() {
			return "invalid_blocks"
		}
		for _, row := range b.Rows {
			readBlocks(&cells, row)
		}
	}
	if utf8.RuneCountInString(cells.String()) > maxCells {
		return "invalid_blocks"
	}
	return ""
}

func (b *block) valid() bool {
	rows := len(b.Rows)
	switch b.Type {
	case "table":
		if rows == 0 || rows > maxRows {
			return false
		}
	case "data_table":
		if rows < 2 || rows > maxRows+1 || b.Caption == "" {
			return false
		}
	case "rich_text", "context_actions":
		if len(b.Elements) == 0 {
			return false
		}
	}
	for _, row := range b.Rows {
		if len(row) == 0 || len(row) > maxColumns || len(row) != len(b.Rows[0]) {
			return false
		}
	}
	return b.Type != ""
}

// readBlocks collects the texts of blocks, and reports false when one is empty.
func readBlocks(out *strings.Builder, v any) bool {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			if !readBlocks(out, one) {
				return false
			}
		}
	case map[string]any:
		if text, ok := v["text"].(string); ok {
			if out.WriteString(text); text == "" {
				return false
			}
		}
		for _, inside := range []string{"text", "elements", "rows", "fields"} {
			if !readBlocks(out, v[inside]) {
				return false
			}
		}
	}
	return true
}

// BlockText returns the texts of the message's blocks, one after the other.
func (m *Message) BlockText() string {
	var all any
	var out strings.Builder
	if json.Unmarshal(m.Blocks, &all) == nil {
		readBlocks(&out, all)
	}
	return out.String()
}
