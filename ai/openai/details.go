package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/parley-bot/parley/ai"
)

// OpenRouter tells what a model has thought as a list of blocks, whoever serves the
// model, and wants the list back as it was beside the use of a tool that came of it;
// some models refuse the use without it
// (https://openrouter.ai/docs/guides/best-practices/reasoning-tokens#preserving-reasoning-blocks).
// Others have taken that over, so who sends such blocks gets them back.

const (
	detailsField = "reasoning_details"
	thoughtField = "reasoning_content"
)

// details are the blocks of one answer, put together from their pieces.
type details struct {
	blocks []map[string]json.RawMessage
	bytes  int
}

// add takes a piece. Of more than is kept nothing is: in part they are refused.
func (d *details) add(piece json.RawMessage) {
	var block map[string]json.RawMessage
	if d.bytes += len(piece); d.bytes > maxEnciphered || json.Unmarshal(piece, &block) != nil || block == nil {
		return
	}
	if n := len(d.blocks); n > 0 && goesOn(d.blocks[n-1], block) {
		extend(d.blocks[n-1], block)
		return
	}
	d.blocks = append(d.blocks, block)
}

// whole returns the blocks as they are stored and sent back, nil for none.
func (d *details) whole() json.RawMessage {
	if len(d.blocks) == 0 || d.bytes > maxEnciphered {
		return nil
	}
	text, err := json.Marshal(d.blocks)
	if err != nil {
		return nil
	}
	return text
}

// goesOn reports whether a piece belongs to the block before it: texts and summaries
// come a few words at a time, and the signature of one ends it.
func goesOn(block, piece map[string]json.RawMessage) bool {
	return string(block["type"]) == string(piece["type"]) && string(block["index"]) == string(piece["index"]) &&
		string(piece["type"]) != `"reasoning.encrypted"` && empty(block["signature"])
}

// extend adds a piece to its block, byte for byte: a piece may end between the two
// halves of one character.
func extend(block, piece map[string]json.RawMessage) {
	for name, value := range piece {
		have := block[name]
		switch grows := name == "text" || name == "summary"; {
		case empty(value):
		case empty(have):
			block[name] = value
		case grows && have[0] == '"' && value[0] == '"':
			block[name] = append(have[:len(have)-1], value[1:]...)
		}
	}
}

func empty(value json.RawMessage) bool {
	return len(value) == 0 || string(value) == "null" || string(value) == `""`
}

// routed reports whether OpenRouter is who is asked.
func (c *Client) routed() bool {
	return strings.HasSuffix("."+c.base.Hostname(), ".openrouter.ai") || strings.Contains(strings.ToLower(c.name), "openrouter")
}

// noDetails is to a router what noSignature is to Gemini itself.
func noDetails(call string) json.RawMessage {
	return fmt.Appendf(nil, `[{"type":"reasoning.encrypted","data":"skip_thought_signature_validator","id":%q,"format":"google-gemini-v1","index":0}]`, call)
}

// detailsRefused is how endpoints say that they cannot read what they were given back: a
// router may have another provider answer than the one that wrote it, and then repeats
// what that one says, or nothing of it
// (https://github.com/OpenRouterTeam/ai-sdk-provider/issues/491).
var detailsRefused = regexp.MustCompile(`(?i)reasoning|thought|signature|encrypted|item with id|provider returned error`)

// dropDetails reports whether the fault may be about the blocks of this request, and
// takes them out of it. The next one has them again, since the next one may be read.
func (c *Client) dropDetails(r *ai.Request, f *fault, request []byte) bool {
	if f.status != http.StatusBadRequest && f.status != http.StatusUnprocessableEntity ||
		!bytes.Contains(request, []byte(`"`+detailsField+`":`)) || !detailsRefused.MatchString(f.text) {
		return false
	}
	dropped := false
	r.Messages = slices.Clone(r.Messages)
	for i := range r.Messages {
		o := c.owedTo(r.Model, &r.Messages[i])
		if o.Details == nil {
			continue
		}
		o.Details, dropped = nil, true
		r.Messages[i].Opaque, _ = json.Marshal(o) // it was JSON
	}
	return dropped
}
