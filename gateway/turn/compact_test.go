package turn_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/turn"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
)

// longTalk is a model that people talk to for long, and that makes summaries.
type longTalk struct {
	replies, summaries []ai.Request
	fail               error // of summaries
	said               string
}

func (m *longTalk) Generate(_ context.Context, r ai.Request, _ func(string)) (ai.Response, error) {
	last := r.Messages[len(r.Messages)-1].Content
	if strings.HasPrefix(last, "Summarise this conversation") {
		m.summaries = append(m.summaries, r)
		if m.fail != nil {
			return ai.Response{}, m.fail
		}
		return ai.Response{Text: fmt.Sprint("summary ", len(m.summaries), m.said), Usage: ai.Usage{PromptTokens: 70, CompletionTokens: 7}, FinishReason: "stop"}, nil
	}
	m.replies = append(m.replies, r)
	return ai.Response{Text: "reply " + strings.Repeat("on and on ", 12), Usage: ai.Usage{PromptTokens: 10, CompletionTokens: 1}, FinishReason: "stop"}, nil
}

const window = 2400

// talks has somebody say so many things, each with what is to be done behind it.
func talks(t *testing.T, db *database.DB, m *longTalk, n int, behind func(i int, r *turn.Runner, store *conversation.PersistentConversationManager, id int64)) {
	t.Helper()
	a := ai.NewAssistant(ai.Options{Primary: ai.Endpoint{Name: "x:m", Model: m, ModelName: "m"}, SystemPrompt: "Be brief.", ContextTokens: window})
	c := &chat{}
	b, r, store := build(t, db, c, nil, func(o *turn.Options) {
		o.Assistant, o.Summaries, o.HistoryTokens = a, a, window
		o.Tools = turn.Tools{Builtin: []string{"current_time", "recall"}, MaxRounds: 2, Timeout: time.Minute}
	})
	for i := range n {
		e := said(fmt.Sprint(i), fmt.Sprintf("question %d %s", i, strings.Repeat("and then ", 10)))
		tell(t, b, r, c, e)
		conv, err := store.Find(t.Context(), inbox.ScopeThread.Key(&e))
		must(t, err)
		behind(i, r, store, conv.ID)
	}
}

// contents writes a request as what its messages hold.
func written(r ai.Request) []string {
	list := []string{r.System}
	for _, m := range r.Messages {
		list = append(list, m.Content)
	}
	return list
}

// A summary is made behind the replies, from the conversation's last prompt and one
// message more. It comes into prompts when the window is full, in place of what it
// stands for; every message is folded once.
func TestSummariesStandForWhatLeavesTheWindow(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		m, folded, cuts := &longTalk{}, int64(0), 0
		talks(t, db, m, 140, func(i int, r *turn.Runner, store *conversation.PersistentConversationManager, id int64) {
			before := len(m.summaries)
			made := r.CompactNext(t.Context())
			if r.CompactNext(t.Context()) || made != (len(m.summaries) > before) {
				t.Fatalf("turn %d: %d summaries at once", i, len(m.summaries)-before)
			}
			asked := written(m.replies[i])
			if made {
				request := written(m.summaries[before])
				if len(request) != len(asked)+2 || !slices.Equal(request[:len(asked)], asked) {
					t.Fatalf("turn %d: the request does not go on from the prompt:\n%q\n%q", i, asked, request)
				}
				if r := m.summaries[before]; !r.NoCalls || len(r.Tools) != 2 || !slices.EqualFunc(r.Tools, m.replies[i].Tools, func(a, b ai.Tool) bool { return a.Name == b.Name }) {
					t.Fatalf("turn %d: the request has %d tools", i, len(r.Tools))
				}
			}
			conv, err := store.Get(t.Context(), id)
			must(t, err)
			if i > 0 && !slices.Equal(written(m.replies[i-1]), asked[:min(len(asked), len(written(m.replies[i-1])))]) {
				cuts++
				if conv.Anchor != conv.SummaryEnd+1 || conv.SummaryEnd <= folded || conv.Summary != fmt.Sprint("summary ", cuts) || !strings.HasSuffix(asked[0], conv.Summary) {
					t.Fatalf("turn %d: anchor %d, summary %q up to %d, before up to %d; system %q", i, conv.Anchor, conv.Summary, conv.SummaryEnd, folded, asked[0])
				}
				if first := m.replies[i].Messages[0].Content; !strings.HasPrefix(first, fmt.Sprintf("question %d ", conv.SummaryEnd/2)) {
					t.Fatalf("turn %d: summarised up to %d, and the prompt begins with %q", i, conv.SummaryEnd, first)
				}
				folded = conv.SummaryEnd
			}
		})
		if cuts < 3 {
			t.Errorf("%d cuts", cuts)
		}
	})
}

// Whatever goes wrong with a summary, replies go on with the old one, and it is
// tried three times at most until the window is full.
func TestSummariesThatFail(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]*longTalk{
		"an error":                {fail: failure.New(failure.Permanent, "content_filter", "", errors.New("refused"))},
		"empty":                   {fail: failure.New(failure.Retry, ai.CodeEmptyReply, "", nil)},
		"larger than what it was": {said: strings.Repeat(" and so on", 1000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := dbtest.New(t)
			talks(t, db, m, 100, func(i int, r *turn.Runner, store *conversation.PersistentConversationManager, id int64) {
				r.CompactNext(t.Context())
				_, err := db.Maintenance().ExecContext(t.Context(), "UPDATE compactions SET ready_at = 0 WHERE ready_at IS NOT NULL") // its wait is over
				must(t, err)
				conv, err := store.Get(t.Context(), id)
				must(t, err)
				if conv.Summary != "" {
					t.Fatalf("turn %d: summary %q", i, conv.Summary)
				}
			})
			if len(m.replies) != 100 || len(m.summaries) == 0 || len(m.summaries) > 3*5 {
				t.Errorf("%d replies, %d summaries", len(m.replies), len(m.summaries))
			}
		})
	}
}

// What is erased while a summary is made, or waits, is not in it.
func TestSummariesGoWithWhatIsErased(t *testing.T) {
	t.Parallel()
	for name, erase := range map[string]func(t *testing.T, store *conversation.PersistentConversationManager, id int64){
		"cleared": func(t *testing.T, store *conversation.PersistentConversationManager, id int64) {
			t.Helper()
			must(t, store.Clear(t.Context(), id))
		},
		"deleted": func(t *testing.T, store *conversation.PersistentConversationManager, id int64) {
			t.Helper()
			must(t, store.Delete(t.Context(), id))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, m := dbtest.New(t), &longTalk{}
			talks(t, db, m, 40, func(i int, r *turn.Runner, store *conversation.PersistentConversationManager, id int64) {
				if !r.CompactNext(t.Context()) {
					return
				}
				erase(t, store, id)
				var left int
				must(t, db.Read().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM compactions").Scan(&left))
				if next, err := store.NextSummary(t.Context(), id); left != 0 || next.Text != "" || err != nil {
					t.Errorf("turn %d: %d summaries are left: %q, %v", i, left, next.Text, err)
				}
			})
			if len(m.summaries) == 0 {
				t.Error("a summary failed")
			}
		})
	}
}

// What others have said stays others' words when it is folded into a summary, and that
// into the next one, also once nothing else of it is left: each answer to it is marked.
// Where there was nothing foreign, nothing is marked.
func TestSummariesOfOthersWordsStayTheirs(t *testing.T) {
	t.Parallel()
	for name, foreign := range map[string]bool{"a page": true, "nothing": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				m, end, cuts := &longTalk{}, int64(0), 0
				do := func(statement string, args ...any) {
					_, err := db.Maintenance().NewRaw(statement, args...).Exec(t.Context())
					must(t, err)
				}
				talks(t, db, m, 120, func(i int, r *turn.Runner, store *conversation.PersistentConversationManager, id int64) {
					if i == 0 && foreign { // as the answer to a page is kept
						do(`UPDATE messages SET metadata_json = '{"foreign":true}' WHERE role = 'assistant'`)
					}
					last, err := store.Recent(t.Context(), id, 1, 10)
					must(t, err)
					if got := last[0].Foreign(); got != foreign {
						t.Fatalf("turn %d, summarised up to %d: the answer is marked: %v", i, end, got)
					}
					r.CompactNext(t.Context())
					conv, err := store.Get(t.Context(), id)
					must(t, err)
					if conv.SummaryEnd > end { // and all behind it is taken back
						end, cuts = conv.SummaryEnd, cuts+1
						do(`DELETE FROM messages WHERE conversation_id = ? AND id > ?`, id, end)
					}
				})
				if cuts < 2 {
					t.Errorf("%d cuts", cuts)
				}
			})
		})
	}
}
