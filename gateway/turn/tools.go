package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/shorten"
)

// Tools are what a model may use while it answers, and how much of it.
type Tools struct {
	Builtin   []string      // names of tools that are built in
	MaxRounds int           // how often it may use some before it has to answer
	Timeout   time.Duration // of one use
	Approve   Approvers     // whose yes counts where one is needed
	// More returns the tools that are usable at the moment and not built in; nil: none.
	More func(ctx context.Context) []ai.Tool
}

const (
	// maxToolCalls is how many tools a model may use at once.
	maxToolCalls = 16
	// maxToolResult bounds what a model is told of what a tool did, in bytes.
	maxToolResult = 16 << 10
)

// notKept stands in histories for a result that quotes others, who may have it erased.
const notKept = "[not kept: it quoted what others said]"

// use does one thing, unless it is done. Whatever goes wrong with it is told to
// the model. A use that has begun, and changes something outside, is waited for
// whatever happens to the reply.
func (r *Runner) use(ctx, asking context.Context, t *task, tools []ai.Tool, rd *round, call int) error {
	u, c := &rd.uses[call], &rd.Answer.Calls[call]
	at := slices.IndexFunc(tools, func(tool ai.Tool) bool { return tool.Name == c.Function.Name })
	switch {
	case u.state == done:
		return nil
	case u.state == started && (at < 0 || tools[at].Effect == ai.Once):
		return r.finish(ctx, t, rd, call, ai.ToolResult{Text: saidUnknown}, "nobody knows whether it was done")
	case at < 0:
		return r.finish(ctx, t, rd, call, ai.ToolResult{Text: fmt.Sprintf("error: there is no tool %.64q", c.Function.Name)}, "there is none")
	case u.state == unbegun && asks(&tools[at], rd):
		if err := askable(c); err != nil {
			return r.finish(ctx, t, rd, call, ai.ToolResult{Text: "error: " + err.Error()}, "cannot be asked about")
		}
		*u = use{waits: true, result: ai.ToolResult{Text: saidWaits}}
		return nil
	case asking.Err() != nil:
		return context.Cause(asking)
	}
	tool, running := &tools[at], asking
	if tool.Effect != ai.Pure {
		running = ctx
		if u.state == unbegun {
			if err := r.begin(ctx, t, rd, call); err != nil {
				return err
			}
		}
	}
	result, err := r.runTool(running, tool, rd.keyOf(call), c.Function.Arguments)
	if err != nil && running.Err() != nil { // it is not known whether it was done
		return context.Cause(running)
	}
	note := "done"
	if err != nil {
		result, note = r.failed(ctx, tool, err), "failed"
	}
	result.Text = strings.ReplaceAll(shorten.Bytes(result.Text, maxToolResult), "\x00", "")
	return r.finish(ctx, t, rd, call, result, note)
}

func (r *Runner) runTool(ctx context.Context, tool *ai.Tool, key, arguments string) (ai.ToolResult, error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.Tools.Timeout)
	defer cancel()
	return tool.Run(ctx, key, arguments)
}

// failed is what a model is told of a use that failed.
func (r *Runner) failed(ctx context.Context, tool *ai.Tool, err error) ai.ToolResult {
	text := err.Error()
	switch {
	case failure.CodeOf(err) == "tool_failed":
		text = failure.SafeOf(err)
		r.o.Logger.WarnContext(ctx, "a tool failed", slog.String("tool", tool.Name), slog.Any("error", err))
	case errors.Is(err, context.DeadlineExceeded):
		text = fmt.Sprintf("no answer within %s", r.o.Tools.Timeout)
		if tool.Effect != ai.Pure {
			text += "; it is not known whether it was done"
		}
	}
	return ai.ToolResult{Text: "error: " + text}
}

// tools returns what a model may use while it answers a task, by name.
func (r *Runner) tools(ctx context.Context, t *task, conv *conversation.Conversation) []ai.Tool {
	var all []ai.Tool
	for _, of := range r.own {
		if tool := of(using{t, conv}); slices.Contains(r.o.Tools.Builtin, tool.Name) {
			all = append(all, tool)
		}
	}
	if r.o.Tools.More != nil {
		all = append(all, r.o.Tools.More(ctx)...)
	}
	slices.SortFunc(all, func(a, b ai.Tool) int { return strings.Compare(a.Name, b.Name) })
	return all
}
