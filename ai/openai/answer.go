package openai

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/internal/shorten"
)

var (
	errNoChoice = errors.New("the answer has no choice")
	errCut      = errors.New("the answer was cut off")
	errProtocol = errors.New("the answer is not the protocol")
	errTooLarge = errors.New("the answer is larger than any model's")
	errFull     = errors.New("as much as is wanted has come")
)

const (
	// usageGrace is how long after the finish reason the stream may take to
	// report the usage and end; the answer itself is complete by then.
	usageGrace = 2 * time.Second
	// doubtGrace is the same where the finish reason came beside a piece of the
	// text: some endpoints send one with each.
	doubtGrace = 20 * time.Second
)

// answer is put together from the values of a response, up to limit bytes.
type answer struct {
	limit   int
	preview *preview
	grace   *time.Timer

	thoughts   thoughts
	apart      int // bytes of thoughts that came in a field of their own
	wants      wanted
	thought    strings.Builder // what of them is given back
	enciphered []string        // the same, as only the provider can read it
	details    details         // the same, as OpenRouter has it
	text       strings.Builder
	calls      toolCalls
	resp       ai.Response
	values     int
	choices    int
	whole      bool // all of a message came at once
	early      bool // more text came after a finish reason: it says nothing
	aloud      bool // a thought came without its beginning
}

// take reads one value of the response.
func (a *answer) take(event string, value []byte) error {
	a.values++
	if ok, err := a.takeResponses(value); ok || err != nil {
		return err
	}
	if f, ok := faultIn(event, value); ok {
		return f
	}
	var chunks list[chunk]
	_ = chunks.UnmarshalJSON(value)
	for i := range chunks {
		if err := a.add(&chunks[i]); err != nil {
			return err
		}
	}
	return nil
}

func (a *answer) add(c *chunk) error {
	if c.Model != "" {
		a.resp.Model = string(c.Model)
	}
	a.count(c.Usage)
	a.count(c.XGroq.Usage)
	for i := range c.Choices {
		choice := &c.Choices[i]
		a.count(choice.Usage)
		if choice.Index != 0 {
			continue
		}
		a.choices++
		if err := a.choice(choice); err != nil {
			return err
		}
	}
	return nil
}

// count takes the last report, since some endpoints report with every piece.
func (a *answer) count(u usage) {
	if t := u.tokens(); t.PromptTokens > 0 || t.CompletionTokens > 0 {
		a.resp.Usage = t
	}
}

func (a *answer) choice(c *choice) error {
	a.whole = a.whole || c.Message.there
	if thought := c.thought(); thought != "" {
		a.apart += len(thought)
		a.keep(thought)
		a.preview.pass() // this endpoint keeps thoughts apart
	}
	for _, piece := range c.details() {
		a.details.add(piece)
	}
	said := c.said()
	for _, call := range append(c.Delta.ToolCalls, c.Message.ToolCalls...) {
		a.calls.add(call)
	}
	if said != "" && a.resp.FinishReason != "" {
		a.early = true
	}
	a.hear(said)
	reason := strings.ToLower(string(c.FinishReason))
	if reason != "" && reason != "null" {
		a.resp.FinishReason = reason
		a.wait(said != "")
	} else if said != "" {
		a.wait(true)
	}
	if a.resp.Cut {
		return errFull
	}
	return nil
}

// wait ends the exchange when nothing more comes of an answer that looks finished.
func (a *answer) wait(doubt bool) {
	a.grace.Stop()
	switch {
	case a.resp.FinishReason == "" || a.early || a.text.Len() == 0 && len(a.calls) == 0:
	case doubt:
		a.grace.Reset(doubtGrace)
	default:
		a.grace.Reset(usageGrace)
	}
}

// hear takes a piece of what the model writes.
func (a *answer) hear(piece string) {
	said, before := a.thoughts.take(clean(piece))
	if before {
		a.thoughts.bytes += a.text.Len()
		a.text.Reset()
		a.aloud, a.resp.Cut = true, false
		a.preview.forget()
	}
	a.write(said)
	if before {
		a.preview.pass()
	}
}

// write takes what fits of a piece. From the first that does not fit on the
// answer is cut. Blanks before the first word are left out.
func (a *answer) write(piece string) {
	if a.text.Len() == 0 {
		piece = strings.TrimLeft(piece, " \t\r\n")
	}
	if a.resp.Cut {
		return
	}
	fits := shorten.Bytes(piece, a.limit-a.text.Len())
	a.resp.Cut = fits != piece
	a.text.WriteString(fits)
	a.preview.say(fits)
}

// clean removes what no database and no platform takes.
func clean(s string) string { return strings.ReplaceAll(s, "\x00", "") }

// response is what the answer is so far.
func (a *answer) response() ai.Response {
	resp := a.resp
	resp.Text = a.text.String()
	resp.Calls = a.calls.whole()
	resp.Thoughts = a.apart + a.thoughts.bytes
	resp.FinishReason = finish(resp.FinishReason)
	if resp.Cut {
		resp.FinishReason = finishLength
	}
	return resp
}

// end says what the answer was, now that reading it gave err: nil at the end of
// the body. The finish reason alone proves nothing, and [DONE], a whole message or
// an answer that was left alone after its finish reason are finished without one.
func (a *answer) end(err error, ended bool) (ai.Response, error) {
	a.grace.Stop()
	a.write(a.thoughts.rest())
	resp := a.response()
	var reported *fault
	switch {
	case errors.As(err, &reported):
		return resp, err
	case a.values == 0 && (err == nil || errors.Is(err, errDone)):
		return resp, fmt.Errorf("%w: neither JSON nor an event stream", errProtocol)
	case errors.Is(err, errFull), errors.Is(err, errTooLarge) && resp.Text != "", ended && resp.Text != "":
		resp.Cut, resp.FinishReason = true, finishLength
	case ended:
		return resp, errTooLarge
	case errors.Is(err, errDone):
	case a.choices == 0 && err == nil:
		return resp, errNoChoice
	case a.whole:
	case a.resp.FinishReason != "" && (!a.early || err == nil):
	case err == nil:
		return resp, fmt.Errorf("%w: no finish reason", errCut)
	default:
		return resp, err
	}
	a.preview.pass()
	return resp, a.refused(resp)
}

// refused returns why a finished answer is none.
func (a *answer) refused(resp ai.Response) error {
	if v, bad := finishFault(resp.FinishReason); bad {
		return &fault{verdict: v, codes: []string{resp.FinishReason}}
	}
	if strings.TrimSpace(resp.Text) == "" && len(resp.Calls) == 0 && resp.Thoughts > 0 {
		return &fault{verdict: verdictThoughts}
	}
	return nil
}
