package turn

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/internal/database"
)

// A turn whose model wants tools takes several steps, and a process may die at
// each. So a step is a row, written under the lease before the next begins: what
// the model has answered, that a use has begun, what came of it. Who takes the turn
// up again goes on behind the last one; a model is not paid twice, and what a tool
// has done is not done again. A turn without tools writes none.

// round is an answer in which a model wants tools, and what came of them.
type round struct {
	event, n int64 // its step; those of its calls follow
	key      string
	planned
	uses []use // by call
}

// planned is what is kept of such an answer.
type planned struct {
	Answer ai.Response
	// Foreign means that its prompt held what did not come from who asks.
	Foreign bool `json:",omitempty"`
	// Approved means that nobody is asked again: these calls are what somebody
	// has answered.
	Approved bool `json:",omitempty"`
}

// use is what came of one call.
type use struct {
	state  useState
	result ai.ToolResult
	waits  bool // for somebody who is asked first
}

type useState string

const (
	unbegun useState = ""        // there is no row
	started useState = "started" // nobody knows whether it happened
	done    useState = "done"
)

// What a model is told of calls that came to nothing.
const (
	saidUnknown  = "error: it is not known whether this was done: the process that did it ended before it had an answer. Do not do it again unasked."
	saidWaits    = "not done yet: a person has to allow it first, and was asked just now. A later message says what came of it; as long as there is none, it was not done."
	saidDenied   = "not done: the person said no."
	saidNewer    = "not done: a newer message came first."
	saidStopped  = "not done: the reply was stopped."
	maxToolsNote = 500 // bytes of the ledger's line about one answer
)

func newRound(event, n int64, key string, p planned) *round {
	p.Answer.Calls = p.Answer.Calls[:min(len(p.Answer.Calls), maxToolCalls)]
	return &round{event: event, n: n, key: key, planned: p, uses: make([]use, len(p.Answer.Calls))}
}

// keyOf names a call to its tool.
func (rd *round) keyOf(call int) string {
	return fmt.Sprintf("%x", database.Hash("call", rd.key, fmt.Sprint(call))[:16])
}

// waiting returns the calls for which somebody is to be asked.
func (rd *round) waiting() (calls []conversation.ToolCall) {
	for i, u := range rd.uses {
		if u.waits {
			calls = append(calls, rd.Answer.Calls[i])
		}
	}
	return calls
}

// begun reads the steps that earlier attempts have taken. A turn that is the
// first has none, and costs no query.
func (r *Runner) begun(ctx context.Context, t *task) error {
	if t.rounds != nil || !taken(t.Work) {
		return nil
	}
	var err error
	t.rounds, err = Table{r.o.DB}.rounds(ctx, r.o.DB.Read(), t.IDs())
	return err
}

// taken reports whether an earlier attempt has taken the work up.
func taken(w *inbox.Work) bool {
	return slices.ContainsFunc(w.Events, func(e inbox.Event) bool { return !e.IsFirst() })
}

// nextStep returns the number of a task's next answer.
func (t *task) nextStep() int64 {
	next := int64(0)
	for _, rd := range t.rounds {
		if rd.event == t.lead().ID {
			next = max(next, rd.n+int64(len(rd.uses))+1)
		}
	}
	return next
}

// plan keeps an answer that wants tools, and counts it: it is paid, whatever
// becomes of the turn.
func (r *Runner) plan(ctx context.Context, t *task, p planned) (*round, error) {
	rd := newRound(t.lead().ID, t.nextStep(), rand.Text(), p)
	err := r.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		if err := r.o.Inbox.NoteTx(ctx, tx, t.Work, wanted(rd)); err != nil {
			return err
		}
		if err := (Table{r.o.DB}).planTx(ctx, tx, rd); err != nil {
			return err
		}
		return r.countTx(ctx, tx, t, []ai.Response{rd.Answer})
	})
	if err != nil {
		r.countLost(ctx, t, p.Answer)
		return nil, fmt.Errorf("keep what the model wants: %w", err)
	}
	t.rounds = append(t.rounds, rd)
	return rd, nil
}

// wanted is the ledger's line about an answer that wants tools.
func wanted(rd *round) string {
	var names []string
	for _, call := range rd.Answer.Calls {
		names = append(names, fmt.Sprintf("%.64s", call.Function.Name))
	}
	return fmt.Sprintf("the model wants to use: %.*s", maxToolsNote, strings.Join(names, ", "))
}

// begin notes that a use begins now.
func (r *Runner) begin(ctx context.Context, t *task, rd *round, call int) error {
	err := r.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		if err := r.o.Inbox.NoteTx(ctx, tx, t.Work, noteOf(rd, call, "begun")); err != nil {
			return err
		}
		return Table{r.o.DB}.useTx(ctx, tx, rd, call, use{state: started})
	})
	if err != nil {
		return fmt.Errorf("note that a tool begins: %w", err)
	}
	rd.uses[call].state = started
	return nil
}

// finish keeps what came of a use. What has happened is noted even while the
// process shuts down.
func (r *Runner) finish(ctx context.Context, t *task, rd *round, call int, result ai.ToolResult, note string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	u := use{state: done, result: result}
	err := r.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		if err := r.o.Inbox.NoteTx(ctx, tx, t.Work, noteOf(rd, call, note)); err != nil {
			return err
		}
		return Table{r.o.DB}.useTx(ctx, tx, rd, call, u)
	})
	if err != nil {
		return fmt.Errorf("keep what a tool did: %w", err)
	}
	rd.uses[call] = u
	return nil
}

func noteOf(rd *round, call int, note string) string {
	return fmt.Sprintf("tool %.64s: %s", rd.Answer.Calls[call].Function.Name, note)
}

// closeTx ends the calls that have not begun: the turn goes on with another question.
func (r *Runner) closeTx(ctx context.Context, tx database.Tx, t *task, said string) error {
	for _, rd := range t.rounds {
		for i := range rd.uses {
			if rd.uses[i].state != unbegun {
				continue
			}
			if err := (Table{r.o.DB}).useTx(ctx, tx, rd, i, use{state: done, result: ai.ToolResult{Text: said}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// messages returns a round as a model gets it, and as it is kept. A call without a
// result has the one that is said.
func (r *Runner) messages(rd *round, said string) (given, kept []conversation.Message) {
	calling := conversation.Message{
		Role: conversation.RoleAssistant, Content: rd.Answer.Text, Tokens: rd.Answer.CompletionTokens, Metadata: modelMetadata(rd.Answer), Opaque: rd.Answer.Opaque,
	}
	calling.Metadata[message.MetaToolCalls] = rd.Answer.Calls
	mark(&calling, rd.Foreign)
	given, kept = []conversation.Message{calling}, []conversation.Message{calling}
	for i, call := range rd.Answer.Calls {
		result := rd.uses[i].result
		if rd.uses[i].state != done && !rd.uses[i].waits {
			result.Text = said
		}
		m := conversation.Message{
			Role: conversation.RoleTool, Content: result.Text, Tokens: r.o.Counter.Count(result.Text),
			Metadata: map[string]any{message.MetaToolCallID: call.ID, message.MetaToolName: call.Function.Name},
		}
		if result.Quotes { // a passage from the first: it is others' words
			m.Context = []conversation.Passage{{Text: m.Content}}
		}
		given = append(given, m)
		if result.Quotes {
			m.Content, m.Tokens = notKept, r.o.Counter.Count(notKept)
		}
		kept = append(kept, m)
	}
	return given, kept
}

// mark notes that an answer may hold others' words.
func mark(m *conversation.Message, foreign bool) {
	if foreign {
		m.Metadata[message.MetaForeign] = true
	}
}

// used returns what is kept of a task's rounds.
func (r *Runner) used(t *task, said string) (all []conversation.Message) {
	for _, rd := range t.rounds {
		_, kept := r.messages(rd, said)
		all = append(all, kept...)
	}
	return all
}

// endTx drops the steps of a turn that has made them messages. Where there is no
// reply they stay, so that a replay does nothing twice, but for what others said.
func (r *Runner) endTx(ctx context.Context, tx database.Tx, t *task, replied bool) error {
	if t.rounds == nil && !taken(t.Work) {
		return nil
	}
	if !replied {
		return Table{r.o.DB}.quietTx(ctx, tx, t.IDs())
	}
	return Table{r.o.DB}.dropStepsTx(ctx, tx, t.IDs())
}

// Table is what is kept of turns: it needs no model.
type Table struct{ DB *database.DB }

// DropTx removes what is kept of the turns of events, and what was asked in them.
func (b Table) DropTx(ctx context.Context, tx database.Tx, ids []int64) error {
	if err := b.dropStepsTx(ctx, tx, ids); err != nil {
		return err
	}
	_, err := b.DB.Exec(ctx, tx, "DELETE FROM approvals WHERE event_id IN (?)", ids)
	return err
}

func (b Table) dropStepsTx(ctx context.Context, tx database.Tx, ids []int64) error {
	_, err := b.DB.Exec(ctx, tx, "DELETE FROM turn_steps WHERE event_id IN (?)", ids)
	return err
}

// quietTx takes what others said out of the steps of events.
func (b Table) quietTx(ctx context.Context, tx database.Tx, ids []int64) error {
	_, err := b.DB.Exec(ctx, tx, "UPDATE turn_steps SET result = ?, quotes = 0 WHERE event_id IN (?) AND quotes = 1", notKept, ids)
	return err
}

const (
	kindAnswer = "answer"
	kindCall   = "call"
)

func (b Table) planTx(ctx context.Context, tx database.Tx, rd *round) error {
	answer, err := json.Marshal(rd.planned)
	if err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	_, err = b.DB.Exec(ctx, tx, "INSERT INTO turn_steps (event_id, n, kind, request, result, state, tokens, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		rd.event, rd.n, kindAnswer, rd.key, string(answer), string(done), rd.Answer.Total(), database.Micros(b.DB.Now()))
	return err
}

// useTx keeps how a use stands.
func (b Table) useTx(ctx context.Context, tx database.Tx, rd *round, call int, u use) error {
	n, quotes, now := rd.n+1+int64(call), 0, database.Micros(b.DB.Now())
	if u.result.Quotes {
		quotes = 1
	}
	if rd.uses[call].state != unbegun {
		_, err := b.DB.Exec(ctx, tx, "UPDATE turn_steps SET result = ?, quotes = ?, state = ?, updated_at = ? WHERE event_id = ? AND n = ?",
			u.result.Text, quotes, string(u.state), now, rd.event, n)
		return err
	}
	request, err := json.Marshal(rd.Answer.Calls[call])
	if err != nil {
		return fmt.Errorf("encode a call: %w", err)
	}
	_, err = b.DB.Exec(ctx, tx, "INSERT INTO turn_steps (event_id, n, kind, request, result, quotes, state, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		rd.event, n, kindCall, string(request), u.result.Text, quotes, string(u.state), now)
	return err
}

// row is a step as the table holds it.
type stepRow struct {
	event, n              int64
	kind, request, result string
	quotes                int64
	state                 string
}

func (s *stepRow) dest() []any {
	return []any{&s.event, &s.n, &s.kind, &s.request, &s.result, &s.quotes, &s.state}
}

// rounds returns the steps of events, in their order.
func (b Table) rounds(ctx context.Context, in database.Reader, events []int64) (list []*round, err error) {
	rows, err := database.All(ctx, b.DB, in, (*stepRow).dest,
		"SELECT event_id, n, kind, request, result, quotes, state FROM turn_steps WHERE event_id IN (?) ORDER BY event_id, n", events)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		s := &rows[i]
		if s.kind == kindAnswer {
			var p planned
			if err := json.Unmarshal([]byte(s.result), &p); err != nil {
				return nil, fmt.Errorf("step %d of event %d: %w", s.n, s.event, err)
			}
			list = append(list, newRound(s.event, s.n, s.request, p))
			continue
		}
		rd := list[len(list)-1]
		rd.uses[s.n-rd.n-1] = use{state: useState(s.state), result: ai.ToolResult{Text: s.result, Quotes: s.quotes == 1}}
	}
	return list, nil
}
