package commands_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/commands"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/memory/memorytest"
)

// fakeEraser remembers what it is asked for.
type fakeEraser struct {
	asked  time.Time
	erased []int64
}

func (f *fakeEraser) Footprint(context.Context, memory.Person) (conversations, messages int64, err error) {
	return 2, 30, nil
}

func (f *fakeEraser) AskTx(_ context.Context, _ database.Tx, _ memory.Person, at time.Time) error {
	f.asked = at
	return nil
}

func (f *fakeEraser) Asked(_ context.Context, _ memory.Person, since time.Time) (bool, error) {
	return !f.asked.IsZero() && !f.asked.Before(since), nil
}

func (f *fakeEraser) Selves(_ context.Context, p memory.Person) ([]memory.Person, error) {
	return []memory.Person{p, {Tenant: "outer", Platform: p.Platform, SenderID: p.SenderID}}, nil
}

func (f *fakeEraser) EraseTx(_ context.Context, _ database.Tx, selves []memory.Person, eventID int64) error {
	if len(selves) != 2 {
		return fmt.Errorf("erased %v only", selves)
	}
	f.asked = time.Time{}
	f.erased = append(f.erased, eventID)
	return nil
}

// "yes" counts for ten minutes after it was said what would go, and once; with
// everything else goes what a command keeps by itself.
func TestForgetMe(t *testing.T) {
	t.Parallel()
	e, todos := &fakeEraser{}, 1
	c := newChat(t, commands.Options{Eraser: e, More: []commands.Command{{
		Name: "todo", ForgetTx: func(context.Context, database.Tx, memory.Person) error { todos = 0; return nil },
	}}})
	now := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	c.now = func() time.Time { return now }
	const first, done = "Send /forget-me first to see what will be erased.", "Everything stored about you has been erased."
	c.expect(t, say{"/save city Paris", "Saved preference 'city' with value 'Paris'"},
		say{"/forget-me yes", first}, say{"/forget-me please", "Usage: /forget-me [yes]"})
	answer, err := c.send(t, "/forget-me")
	if err != nil || !answer.Unkept || !strings.Contains(answer.Text, "2 conversations with 30 messages, 1 preferences") {
		t.Errorf("%+v, %v", answer, err)
	}
	now = now.Add(10*time.Minute + time.Second)
	c.expect(t, say{"/forget-me yes", first}, say{"/load city", "Preference 'city': Paris"})
	if _, err := c.send(t, "/forget-me"); err != nil || len(e.erased) > 0 || todos != 1 {
		t.Fatalf("%v, erased %v", err, e.erased)
	}
	now = now.Add(10 * time.Minute)
	answer, err = c.send(t, "/forget-me YES")
	if err != nil || answer.Text != done || !answer.Unkept || !answer.Forgets || todos != 0 || len(e.erased) != 1 || e.erased[0] != int64(c.events) {
		t.Errorf("%+v, %v, erased %v, todos %d", answer, err, e.erased, todos)
	}
	c.expect(t, say{"/load city", "No preference found with key 'city'"}, say{"/forget-me yes", first})
}

// apart is a memory that does not join the turn's commit, as one on another server.
type apart struct {
	*memory.Store
	db *database.DB
}

func (a apart) Stage(ctx context.Context, e memory.Effect, changes ...memory.Change) (memory.Staged, error) {
	results, err := memorytest.Apply(ctx, a.db, a.Store, e, changes...)
	return func(context.Context, database.Tx) ([]memory.Result, error) { return results, nil }, err
}

// A memory on another server is changed while the command runs, once for each
// event however often its turn is taken.
func TestMemoryApart(t *testing.T) {
	t.Parallel()
	c := newChat(t, commands.Options{})
	e := &fakeEraser{asked: time.Now()}
	registry := commands.New(commands.Options{Store: c.store, Memory: apart{c.memory, c.db}, Eraser: e})
	run := func(event, text, want string) {
		t.Helper()
		name, rest := commands.Parse("/", text)
		answer, err := registry.Run(t.Context(), commands.Call{
			Name: name, Rest: rest, Person: c.person, ChatID: "C", Group: true, Event: event, At: time.Now(), Now: time.Now(),
		})
		must(t, err)
		if answer.Apply != nil {
			must(t, c.db.Write(t.Context(), func(ctx context.Context, tx database.Tx) (err error) {
				answer.Text, err = answer.Apply(ctx, tx, 7)
				return err
			}))
		}
		if answer.Text != want {
			t.Errorf("%s: %q", text, answer.Text)
		}
	}
	for range 2 {
		run("1", "/kudos @bob", "@bob now has 1 kudos")
		run("2", "/remember a is b", "I will remember that a is b")
		run("3", "/save x y", "Saved preference 'x' with value 'y'")
	}
	run("4", "/remember a is c", "I already remember that a is b. Send /forget a first.")
	run("5", "/forget-me yes", "Everything stored about you has been erased.")
	if len(e.erased) != 1 {
		t.Error("the rest was not erased")
	}
	run("6", "/load x", "No preference found with key 'x'")
}
