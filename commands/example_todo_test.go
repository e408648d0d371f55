package commands_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/parley-bot/parley/commands"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/migrations"
)

// todosTable belongs into a migration.
const todosTable = `CREATE TABLE IF NOT EXISTS todos (
	person BLOB NOT NULL, n BIGINT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (person, n)
)`

// todos keeps what people have to do. It owns the table todos.
type todos struct{ db *database.DB }

// addTx appends an entry and returns its number, which counts up for each person.
func (s *todos) addTx(ctx context.Context, tx database.Tx, p memory.Person, text string) (n int64, err error) {
	err = s.db.QueryRow(ctx, tx, []any{&n}, "SELECT COALESCE(MAX(n), 0) + 1 FROM todos WHERE person = ?", p.Hash())
	if err != nil {
		return 0, fmt.Errorf("number a todo: %w", err)
	}
	_, err = s.db.Exec(ctx, tx, "INSERT INTO todos (person, n, text) VALUES (?, ?, ?)", p.Hash(), n, text)
	return n, err
}

// list returns the entries as "1. feed the cat".
func (s *todos) list(ctx context.Context, p memory.Person) (lines []string, err error) {
	type entry struct {
		n    int64
		text string
	}
	entries, err := database.All(ctx, s.db, s.db.Read(), func(e *entry) []any { return []any{&e.n, &e.text} },
		"SELECT n, text FROM todos WHERE person = ? ORDER BY n", p.Hash())
	for _, e := range entries {
		lines = append(lines, fmt.Sprintf("%d. %s", e.n, e.text))
	}
	return lines, err
}

// forgetTx removes the entries of somebody who wants to be forgotten.
func (s *todos) forgetTx(ctx context.Context, tx database.Tx, p memory.Person) error {
	_, err := s.db.Exec(ctx, tx, "DELETE FROM todos WHERE person = ?", p.Hash())
	return err
}

// todo keeps a list of things to do, or shows it.
func todo(s *todos) commands.Command {
	return commands.Command{
		Name: "todo", Usage: "[text]", ForgetTx: s.forgetTx,
		Texts: map[commands.Language]commands.Catalogue{
			commands.English: {"todo.help": "Keep a thing to do, or show the list", "todo.kept": "Kept as number %d", "todo.none": "Nothing to do"},
			commands.Chinese: {"todo.help": "记下待办事项，或查看列表", "todo.kept": "已记为第 %d 项", "todo.none": "没有待办事项"},
		},
		Run: func(ctx context.Context, c commands.Call) (commands.Answer, error) {
			if c.Rest == "" {
				lines, err := s.list(ctx, c.Person)
				if len(lines) == 0 {
					lines = []string{c.Say("todo.none")}
				}
				return commands.Answer{Text: strings.Join(lines, "\n")}, err
			}
			return commands.Answer{Apply: func(ctx context.Context, tx database.Tx, _ int64) (string, error) {
				n, err := s.addTx(ctx, tx, c.Person, c.Rest)
				return c.Say("todo.kept", n), err
			}}, nil
		},
	}
}

func Example_todo() {
	ctx := context.Background()
	db, err := database.Open(ctx, database.Options{URL: ":memory:"})
	if err != nil {
		panic(err)
	}
	defer db.Close()
	if _, err := migrations.Up(ctx, db); err != nil {
		panic(err)
	}
	if _, err := db.Maintenance().ExecContext(ctx, todosTable); err != nil {
		panic(err)
	}
	people := memory.New(db)
	registry := commands.New(commands.Options{Memory: people, More: []commands.Command{todo(&todos{db})}})

	for _, text := range []string{"/todo", "/todo feed  the cat", "/todo sleep", "/todo"} {
		name, rest := commands.Parse("/", text)
		answer, err := registry.Run(ctx, commands.Call{
			Name: name, Rest: rest, Person: memory.Person{Platform: "generic", SenderID: "alice"}, Event: text, At: time.Now(),
		})
		if err != nil {
			panic(err)
		}
		if answer.Apply != nil { // in the turn's commit
			err = db.Write(ctx, func(ctx context.Context, tx database.Tx) (err error) {
				answer.Text, err = answer.Apply(ctx, tx, 0)
				return err
			})
		}
		fmt.Println(answer.Text, err)
	}
	// Output:
	// Nothing to do <nil>
	// Kept as number 1 <nil>
	// Kept as number 2 <nil>
	// 1. feed  the cat
	// 2. sleep <nil>
}
