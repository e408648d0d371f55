package turn

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/commands"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/platforms"
)

// Some tools act only once a person has said yes. The turn then ends with a reply
// that asks, so that nothing waits for it. What the person answers is an event of
// its own: a yes is used up by it, and its turn begins with the call that was asked
// about, which is done there as any other, once.

// Approvers says whose yes counts.
type Approvers string

// Whose yes may count.
const (
	ApproveAsker  Approvers = "asker" // who led to the call
	ApproveAdmins Approvers = "admins"
)

const (
	// approvalTime is how long a yes may take, and approvalKept how long it is
	// known what came of it.
	approvalTime = 10 * time.Minute
	approvalKept = 24 * time.Hour
	// maxAskedBytes bounds the arguments that somebody is asked about: they have to be read.
	maxAskedBytes = 3000
	// maxApprovals bounds how many of a chat's questions are looked at.
	maxApprovals = 100
)

// asks reports whether a person is asked before a tool runs.
func asks(tool *ai.Tool, rd *round) bool {
	switch tool.Approval {
	case ai.Asked:
		return !rd.Approved
	case ai.Tainted:
		return !rd.Approved && rd.Foreign
	case ai.Free, ai.Trusted:
	}
	return false
}

// askable refuses calls that nobody could judge.
func askable(call *conversation.ToolCall) error {
	var object map[string]json.RawMessage
	switch text := call.Function.Arguments; {
	case len(text) > maxAskedBytes:
		return fmt.Errorf("a person has to allow this, and cannot read arguments of more than %d bytes", maxAskedBytes)
	case json.Unmarshal([]byte(text), &object) != nil:
		return errors.New("the arguments must be a JSON object")
	}
	return nil
}

// asking ends the turn with the question whether calls may be made.
func (r *Runner) asking(t *task, a reply, calls []conversation.ToolCall) reply {
	codes := make([]string, len(calls))
	for i := range codes {
		codes[i] = newCode()
	}
	last := &t.rounds[len(t.rounds)-1].Answer
	a.anchor, a.folded, a.full = last.First, last.Folded, last.Full
	a.detail = "asked whether a tool may be used"
	a.bot = append(r.used(t, ""), conversation.Message{Role: conversation.RoleAssistant})
	if len(calls) == 1 {
		a.verbs = []platforms.Verb{platforms.VerbApprove, platforms.VerbDeny}
	}
	a.apply = func(ctx context.Context, tx database.Tx, _ int64) (string, error) {
		text, err := r.askTx(ctx, tx, t, calls, codes)
		a.bot[len(a.bot)-1].Tokens = r.o.Counter.Count(text)
		return text, err
	}
	return a
}

// newCode returns what an answer names a question by.
func newCode() string {
	const alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ" // 32: no remainder
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b[:])
}

// askTx notes what is asked and returns the question.
func (r *Runner) askTx(ctx context.Context, tx database.Tx, t *task, calls []conversation.ToolCall, codes []string) (string, error) {
	e := &t.lead().Event
	now, err := r.o.DB.Clock(ctx, tx)
	if err != nil {
		return "", err
	}
	key, err := json.Marshal(t.key)
	if err != nil {
		return "", fmt.Errorf("encode a conversation's key: %w", err)
	}
	book := Table{r.o.DB}
	others, err := book.waitingTx(ctx, tx, chatKey(e), now)
	if err != nil {
		return "", err
	}
	var texts []string
	for i := range calls {
		request, err := json.Marshal(calls[i])
		if err != nil {
			return "", fmt.Errorf("encode a call: %w", err)
		}
		_, err = r.o.DB.Insert(ctx, tx, `INSERT INTO approvals (code, chat_key, person_key, event_id, conversation, request, state, created_at, expires_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, codes[i], chatKey(e), person(e).Hash(), t.lead().ID, string(key), string(request),
			string(isWaiting), now, now+approvalTime.Microseconds())
		if err != nil {
			return "", err
		}
		code := ""
		if others > 0 || len(calls) > 1 {
			code = " " + codes[i]
		}
		texts = append(texts, r.question(t, &calls[i], code))
	}
	return strings.Join(texts, "\n\n"), nil
}

// question is what somebody is asked about a call. Nothing in it is the model's
// but the name and the arguments, which cannot get out of their block.
func (r *Runner) question(t *task, call *conversation.ToolCall, code string) string {
	key := "approve.ask"
	if r.o.Tools.Approve == ApproveAdmins {
		key = "approve.ask.admins"
	}
	arguments := visible(call.Function.Arguments)
	fence := "```"
	for strings.Contains(arguments, fence) {
		fence += "`"
	}
	return t.say(key, call.Function.Name, fence+"json\n"+arguments+"\n"+fence,
		r.o.Prefix+commands.ApproveName+code, r.o.Prefix+commands.DenyName+code)
}

// visible returns JSON on one line in which every character can be seen.
func visible(text string) string {
	var line bytes.Buffer
	if json.Compact(&line, []byte(text)) != nil {
		return fmt.Sprintf("%q", text)
	}
	var b strings.Builder
	for _, c := range line.String() {
		switch {
		case c == ' ' || unicode.IsGraphic(c) && !unicode.IsSpace(c):
			b.WriteRune(c)
		case c > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, c)
		default:
			fmt.Fprintf(&b, `\u%04x`, c)
		}
	}
	return b.String()
}

func chatKey(e *platforms.Event) []byte {
	return database.Hash("approval", e.Platform, e.Tenant, e.ChatID)
}

type approvalState string

const (
	isWaiting  approvalState = "waiting"
	isApproved approvalState = "approved"
	isDenied   approvalState = "denied"
)

// approval is a call that somebody was asked about.
type approval struct {
	id                    int64
	code                  string
	person                []byte
	event                 int64
	conversation, request string
	state                 approvalState
	expires, answer       int64
}

func (a *approval) dest() []any {
	return []any{&a.id, &a.code, &a.person, &a.event, &a.conversation, &a.request, &a.state, &a.expires, &a.answer}
}

func (a *approval) waits(now int64) bool { return a.state == isWaiting && a.expires > now }

// call returns what was asked about, under an id that no other call has.
func (a *approval) call() (call conversation.ToolCall, err error) {
	if err := json.Unmarshal([]byte(a.request), &call); err != nil {
		return call, fmt.Errorf("approval %d: %w", a.id, err)
	}
	call.ID = "a" + a.code
	return call, nil
}

// of returns what was asked in a chat, the newest first.
func (b Table) of(ctx context.Context, in database.Reader, chat []byte) ([]approval, error) {
	return database.All(ctx, b.DB, in, (*approval).dest, "SELECT id, code, person_key, event_id, conversation, request, state, expires_at, answer_id"+
		" FROM approvals WHERE chat_key = ? ORDER BY id DESC LIMIT ?", chat, maxApprovals)
}

// waitingTx returns how many calls wait in a chat, after it has removed what is old.
func (b Table) waitingTx(ctx context.Context, tx database.Tx, chat []byte, now int64) (n int64, err error) {
	_, err = b.DB.Exec(ctx, tx, "DELETE FROM approvals WHERE chat_key = ? AND expires_at < ?", chat, now-approvalKept.Microseconds())
	if err != nil {
		return 0, err
	}
	err = b.DB.QueryRow(ctx, tx, []any{&n}, "SELECT COUNT(*) FROM approvals WHERE chat_key = ? AND state = ? AND expires_at > ?", chat, string(isWaiting), now)
	return n, err
}

// answerTx answers a call that waits, and reports whether it did: of several
// answers at once one does.
func (b Table) answerTx(ctx context.Context, tx database.Tx, id int64, to approvalState, event, now int64) (bool, error) {
	n, err := b.DB.Exec(ctx, tx, "UPDATE approvals SET state = ?, answer_id = ? WHERE id = ? AND state = ? AND expires_at > ?",
		string(to), event, id, string(isWaiting), now)
	return n > 0, err
}

// ForgetTx removes what somebody was asked, and from turns that are not at their end
// what a tool has found of others' words: theirs may be among them.
func (b Table) ForgetTx(ctx context.Context, tx database.Tx, p memory.Person) error {
	if _, err := b.DB.Exec(ctx, tx, "DELETE FROM approvals WHERE person_key = ?", p.Hash()); err != nil {
		return err
	}
	_, err := b.DB.Exec(ctx, tx, "UPDATE turn_steps SET result = ?, quotes = 0 WHERE quotes = 1", notKept)
	return err
}
