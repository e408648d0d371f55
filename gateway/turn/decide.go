package turn

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/commands"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/platforms"
)

// decision is what somebody answers to the question whether a call may be made.
type decision struct {
	to      approvalState
	code    string // of what is meant; "" = what the button stands under, or what waits
	asked   int64  // the event whose reply the button stands under; 0 = it is no button
	is      approval
	refusal string // the key of a sentence; "" = it counts
	several []approval
}

// decides returns the decision that a command is, nil when it is another one.
func (r *Runner) decides(name, rest string) *decision {
	d := &decision{code: strings.ToUpper(strings.Trim(strings.TrimSpace(rest), "`"))}
	switch r.o.Commands.Name(name) {
	case commands.ApproveName:
		d.to = isApproved
	case commands.DenyName:
		d.to = isDenied
	default:
		return nil
	}
	return d
}

// decideByCommand answers who has sent a decision.
func (r *Runner) decideByCommand(ctx context.Context, t *task, d *decision) (reply, error) {
	if err := r.decide(ctx, t, d); err != nil {
		return reply{}, err
	}
	if d.refusal == "" {
		text, _ := commandText(r.o.Prefix, &t.lead().Event)
		return r.decided(ctx, t, d, text)
	}
	text := t.say(d.refusal)
	if len(d.several) > 0 {
		text = t.say(d.refusal, r.choices(d))
	}
	return r.plain(t, text, commandOf(d.to)), nil
}

// plain is a command's answer that changes nothing.
func (r *Runner) plain(t *task, text, command string) reply {
	a := reply{outcome: outbox.Sent, text: text, detail: "answered by a command", isCommand: true, command: command}
	if t.lead().Event.ReplyTo.Private && inRoom(&t.lead().Event, r.o.Scope) {
		return a
	}
	said, _ := commandText(r.o.Prefix, &t.lead().Event)
	asked := r.userMessage(t.lead(), t.key, said)
	asked.Metadata[message.MetaCommand] = command
	a.user = []conversation.Message{asked}
	a.bot = []conversation.Message{{
		Role: conversation.RoleAssistant, Content: text, Tokens: r.o.Counter.Count(text), Metadata: map[string]any{message.MetaCommand: command},
	}}
	return a
}

// decideByButton answers who has pressed a button under a question.
func (r *Runner) decideByButton(ctx context.Context, t *task) (reply, error) {
	e := &t.lead().Event
	d := &decision{to: isApproved}
	if e.Press.Verb == platforms.VerbDeny {
		d.to = isDenied
	}
	var err error
	if d.asked, err = r.o.Outbox.OfMessage(ctx, e); err != nil {
		return reply{}, err
	}
	if d.asked == 0 {
		return r.whisper(ctx, t, "press.old")
	}
	if err := r.decide(ctx, t, d); err != nil {
		return reply{}, err
	}
	if d.refusal != "" {
		return r.whisper(ctx, t, d.refusal)
	}
	return r.decided(ctx, t, d, r.o.Prefix+commandOf(d.to))
}

func commandOf(to approvalState) string {
	if to == isDenied {
		return commands.DenyName
	}
	return commands.ApproveName
}

// choices lists what waits, one a line.
func (r *Runner) choices(d *decision) string {
	var lines []string
	for i := range d.several {
		call, err := d.several[i].call()
		if err != nil {
			continue
		}
		lines = append(lines, fmt.Sprintf("`%s%s %s` – %s", r.o.Prefix, commandOf(d.to), d.several[i].code, call.Function.Name))
	}
	return strings.Join(lines, "\n")
}

// decide makes a decision count, in one commit with the first step of its turn. A
// turn that is taken again finds that its own has counted.
func (r *Runner) decide(ctx context.Context, t *task, d *decision) error {
	var rd *round
	err := r.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) (err error) {
		rd, d.refusal, d.several = nil, "", nil
		now, err := r.o.DB.Clock(ctx, tx)
		if err != nil {
			return err
		}
		all, err := Table{r.o.DB}.of(ctx, tx, chatKey(&t.lead().Event))
		if err != nil {
			return err
		}
		for i := range all {
			if all[i].answer == t.lead().ID && all[i].state == d.to {
				d.is = all[i]
				return nil
			}
		}
		if d.choose(all, now, func(a *approval) bool { return r.mayDecide(t, a) }); d.refusal != "" {
			return nil
		}
		rd, err = r.decideTx(ctx, tx, t, d, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("answer a question about a tool: %w", err)
	}
	if rd != nil {
		t.rounds = append(t.rounds, rd)
	}
	return nil
}

// mayDecide reports whether who has sent an event may answer a question.
func (r *Runner) mayDecide(t *task, a *approval) bool {
	e := &t.lead().Event
	if r.o.Tools.Approve == ApproveAdmins {
		return r.o.Inbox.IsAdmin(e)
	}
	return bytes.Equal(a.person, person(e).Hash())
}

// choose finds what is meant, or why nothing is. all are the newest first.
func (d *decision) choose(all []approval, now int64, may func(*approval) bool) {
	var theirs, waiting []approval
	others := false
	for i := range all {
		a := &all[i]
		switch {
		case d.code != "" && a.code != d.code, d.asked != 0 && a.event != d.asked:
		case may(a):
			theirs = append(theirs, *a)
			if a.waits(now) {
				waiting = append(waiting, *a)
			}
		default:
			others = others || a.waits(now) || d.code != "" || d.asked != 0
		}
	}
	switch {
	case len(waiting) == 1:
		d.is = waiting[0]
	case len(waiting) > 1:
		d.refusal, d.several = "approve.which", waiting
	case others:
		d.refusal = "approve.refused"
	case len(theirs) == 0:
		d.refusal = "approve.nothing"
	default:
		d.refusal = over(theirs[0].state)
	}
}

// over is the sentence about what cannot be answered any more.
func over(state approvalState) string {
	switch state {
	case isApproved:
		return "approve.already"
	case isDenied:
		return "deny.already"
	case isWaiting:
	}
	return "approve.late"
}

// decideTx uses a decision up, and notes the call as the first step of its turn.
func (r *Runner) decideTx(ctx context.Context, tx database.Tx, t *task, d *decision, now int64) (*round, error) {
	counts, err := Table{r.o.DB}.answerTx(ctx, tx, d.is.id, d.to, t.lead().ID, now)
	if err != nil {
		return nil, err
	}
	if !counts { // somebody came first
		var state approvalState
		if err := r.o.DB.QueryRow(ctx, tx, []any{&state}, "SELECT state FROM approvals WHERE id = ?", d.is.id); err != nil {
			return nil, err
		}
		d.refusal = over(state)
		return nil, nil //nolint:nilnil // the sentence says why
	}
	call, err := d.is.call()
	if err != nil {
		return nil, err
	}
	rd := newRound(t.lead().ID, t.nextStep(), rand.Text(), planned{
		Answer: ai.Response{Calls: []conversation.ToolCall{call}, FinishReason: "tool_calls"}, Approved: true,
	})
	if err := r.o.Inbox.NoteTx(ctx, tx, t.Work, noteOf(rd, 0, string(d.to))); err != nil {
		return nil, err
	}
	if err := (Table{r.o.DB}).planTx(ctx, tx, rd); err != nil {
		return nil, err
	}
	if d.to == isDenied {
		no := use{state: done, result: ai.ToolResult{Text: saidDenied}}
		if err := (Table{r.o.DB}).useTx(ctx, tx, rd, 0, no); err != nil {
			return nil, err
		}
		rd.uses[0] = no
	}
	return rd, nil
}

// decided goes on in the conversation in which the question was asked, with the
// call that it was about.
func (r *Runner) decided(ctx context.Context, t *task, d *decision, text string) (reply, error) {
	if err := json.Unmarshal([]byte(d.is.conversation), &t.key); err != nil {
		return reply{}, fmt.Errorf("approval %d: %w", d.is.id, err)
	}
	conv, err := r.find(ctx, t.key) // it may be cleared since
	if err != nil {
		return reply{}, err
	}
	t.user = []conversation.Message{r.userMessage(t.lead(), t.key, text)}
	a, err := r.askAI(ctx, t, conv)
	a.command = commandOf(d.to)
	return a, err
}
