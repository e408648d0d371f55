package turn

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/platforms"
)

const (
	mostFacts    = 20 // that recall tells of
	mostPassages = 20 // that search_history tells of
	passageBytes = 1000
)

// isOwn reports whether a tool's results are words of Parley's own or of who asks,
// unless they say that they quote others.
func isOwn(tool string) bool {
	switch tool {
	case "current_time", "remember", "recall", "search_history":
		return true
	}
	return false
}

// builtin makes a tool that is built in for the turn that is to use it.
type builtin func(using) ai.Tool

// builtins returns the tools that are built in. None does anything twice when a turn
// is taken again: remembering has the turn's own event as its name.
func (r *Runner) builtins() []builtin {
	return []builtin{
		builtinOf("current_time", "Tells the date, the time and the day of the week", func(ctx context.Context, u using, in struct {
			Timezone string `json:"timezone,omitempty" jsonschema:"description=IANA name such as Europe/Paris; leave it out for the person's own"`
		},
		) (ai.ToolResult, error) {
			return r.currentTime(ctx, u.event(), in.Timezone)
		}),
		builtinOf("remember", "Remembers a fact of this chat for later: only what somebody wants to be remembered", func(ctx context.Context, u using, in struct {
			Key   string `json:"key" jsonschema:"description=what the fact is about in a few words such as deadline of the report"`
			Value string `json:"value"`
		},
		) (ai.ToolResult, error) {
			return r.rememberFact(ctx, u.task, in.Key, in.Value)
		}),
		builtinOf("recall", "Looks for remembered facts of this chat", func(ctx context.Context, u using, in struct {
			Query string `json:"query" jsonschema:"description=a few words"`
		},
		) (ai.ToolResult, error) {
			return r.recall(ctx, u.event(), in.Query)
		}),
		builtinOf("search_history", "Looks for messages of this conversation that are older than what you were given", func(ctx context.Context, u using, in struct {
			Query string `json:"query" jsonschema:"description=a question or a few words"`
		},
		) (ai.ToolResult, error) {
			return r.searchHistory(ctx, u.event(), u.conv, in.Query)
		}),
	}
}

// using is the turn that uses a tool.
type using struct {
	task *task
	conv *conversation.Conversation
}

func (u using) event() *platforms.Event { return &u.task.lead().Event }

// builtinOf describes a tool once, for all turns.
func builtinOf[T any](name, description string, run func(ctx context.Context, u using, arguments T) (ai.ToolResult, error)) builtin {
	tool := ai.NewTool[T](name, description, nil)
	return func(u using) ai.Tool {
		of := tool
		of.Run = ai.RunWith(func(ctx context.Context, in T) (ai.ToolResult, error) { return run(ctx, u, in) })
		return of
	}
}

func (r *Runner) currentTime(ctx context.Context, e *platforms.Event, zone string) (ai.ToolResult, error) {
	if zone == "" {
		preferred, _, err := r.o.Memory.Preference(ctx, person(e), "timezone")
		if err != nil {
			return ai.ToolResult{}, cannot("the person's time zone cannot be looked up now", err)
		}
		zone = preferred
	}
	loc, err := time.LoadLocation(cmp.Or(zone, "UTC"))
	if err != nil {
		return ai.ToolResult{}, fmt.Errorf("there is no time zone %.64q", zone)
	}
	return ai.ToolResult{Text: r.o.DB.Now().In(loc).Format("Monday, 2006-01-02 15:04:05 MST (-07:00)")}, nil
}

func (r *Runner) rememberFact(ctx context.Context, t *task, key, value string) (ai.ToolResult, error) {
	lead := t.lead()
	key, value = strings.Join(strings.Fields(key), " "), strings.TrimSpace(value)
	if key == "" || value == "" {
		return ai.ToolResult{}, errors.New("key and value must not be empty")
	}
	effect := memory.Effect{ID: eventName(lead) + ":remember:" + key, At: lead.ReceivedAt}
	change := memory.Remember{Place: placeOf(&lead.Event), Key: key, Value: value, Author: person(&lead.Event), Foreign: t.foreign}
	var results []memory.Result
	staged, err := r.o.Memory.Stage(ctx, effect, change)
	if err == nil {
		err = r.o.DB.Write(ctx, func(ctx context.Context, tx database.Tx) (err error) {
			results, err = staged(ctx, tx)
			return err
		})
	}
	switch {
	case err != nil || len(results) != 1:
		return ai.ToolResult{}, cannot("it could not be remembered now", err)
	case results[0].Refused != nil:
		return ai.ToolResult{}, errors.New(failure.SafeOf(results[0].Refused))
	case !results[0].Done && results[0].Old != value:
		others := lead.Event.ChatType == platforms.Group || results[0].Foreign
		return ai.ToolResult{Text: fmt.Sprintf("not remembered: %s is known to be %s", key, results[0].Old), Quotes: others}, nil
	}
	return ai.ToolResult{Text: "remembered"}, nil
}

func (r *Runner) recall(ctx context.Context, e *platforms.Event, query string) (ai.ToolResult, error) {
	facts, total, err := r.o.Memory.SearchFacts(ctx, placeOf(e), query, mostFacts)
	if err != nil {
		return ai.ToolResult{}, cannot("facts cannot be looked up now", err)
	}
	if total == 0 {
		return ai.ToolResult{Text: "nothing is remembered about that"}, nil
	}
	own, others := hex.EncodeToString(person(e).Hash()), false
	var b strings.Builder
	for _, f := range facts {
		fmt.Fprintf(&b, "%s is %s\n", f.Key, f.Value)
		others = others || f.Foreign || e.ChatType == platforms.Group && f.Author != own
	}
	return ai.ToolResult{Text: b.String(), Quotes: others}, nil
}

func (r *Runner) searchHistory(ctx context.Context, e *platforms.Event, conv *conversation.Conversation, query string) (ai.ToolResult, error) {
	if conv.ID == 0 || strings.TrimSpace(query) == "" {
		return ai.ToolResult{Text: "nothing was found"}, nil
	}
	found, err := r.o.Store.Search(ctx, conv.ID, conversation.SearchOptions{Query: query, Limit: mostPassages})
	if err != nil {
		return ai.ToolResult{}, cannot("the history cannot be searched now", err)
	}
	if len(found) == 0 {
		return ai.ToolResult{Text: "nothing was found"}, nil
	}
	others, inRoom := false, conv.UserKey == platforms.RoomKey(conv.Platform)
	var b strings.Builder
	for i := range found {
		m := &found[i].Message
		others = others || m.Foreign() || inRoom && m.Author != e.UserKey() // a reply may say what anybody has said
		text := m.Content
		if len(text) > passageBytes {
			text = text[:passageBytes] + "…"
		}
		fmt.Fprintf(&b, "%s, %s: %s\n", m.Timestamp.UTC().Format("2006-01-02 15:04"), m.Role, strings.ToValidUTF8(text, ""))
	}
	return ai.ToolResult{Text: b.String(), Quotes: others}, nil
}

// cannot returns an error whose cause is for the log: the model is told the text.
func cannot(text string, cause error) error {
	return failure.New(failure.Unavailable, "tool_failed", text, cause)
}
