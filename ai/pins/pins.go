package pins

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
)

// Tool is what a server says of one of its tools.
type Tool struct {
	Server      string // its name in the configuration
	Name        string // as the server calls it, at most 128 characters
	Description string
	Input       string // JSON Schema of its arguments, the same bytes whenever it is the same
}

// Pin returns the hash of what stands in prompts.
func (t *Tool) Pin() string {
	return hex.EncodeToString(database.Hash("tool", t.Name, t.Description, t.Input))
}

// Book holds the pins. It is safe for concurrent use, by several replicas too.
type Book struct{ DB *database.DB }

// row is a tool as it is kept.
type row struct {
	Tool // as it is approved

	pin, waiting                  string
	waitingDescription, waitingIn string
	changed                       int64
}

func (b Book) rows(ctx context.Context, in database.Reader, where string, args ...any) ([]row, error) {
	return database.All(ctx, b.DB, in, func(r *row) []any {
		return []any{&r.Server, &r.Name, &r.pin, &r.Description, &r.Input, &r.waiting, &r.waitingDescription, &r.waitingIn, &r.changed}
	}, "SELECT server, name, pin, description, input, waiting, waiting_description, waiting_input, changed_at FROM tool_pins"+where+
		" ORDER BY server, name", args...)
}

// See notes what a server has. It returns the names of the tools that wait to be
// approved, in order.
func (b Book) See(ctx context.Context, server string, tools []Tool) (waiting []string, err error) {
	seen, err := b.Seen(ctx)
	if err != nil {
		return nil, err
	}
	if slices.Contains(seen, server) {
		have, err := b.rows(ctx, b.DB.Read(), " WHERE server = ?", server)
		if changes, waiting := compare(have, tools); err != nil || changes.none() {
			return waiting, err
		}
	}
	err = b.DB.Write(ctx, func(ctx context.Context, tx database.Tx) (err error) {
		waiting, err = b.seeTx(ctx, tx, server, tools)
		return err
	})
	return waiting, err
}

// Seen returns the servers that have ever been seen.
func (b Book) Seen(ctx context.Context) ([]string, error) {
	return database.Values[string](ctx, b.DB, b.DB.Read(), "SELECT server FROM tool_servers ORDER BY server")
}

func (b Book) seeTx(ctx context.Context, tx database.Tx, server string, tools []Tool) (waiting []string, err error) {
	now, err := b.DB.Clock(ctx, tx)
	if err != nil {
		return nil, err
	}
	// Who sees one server does so one after the other: the first one pins.
	first, err := b.DB.Exec(ctx, tx, database.Once(b.DB.Engine(), "INSERT INTO tool_servers (server, seen_at) VALUES (?, ?)", "server"), server, now)
	if err == nil {
		err = b.DB.QueryRow(ctx, tx, []any{new(string)}, "SELECT server FROM tool_servers WHERE server = ?"+b.DB.ForUpdate(), server)
	}
	if err != nil {
		return nil, err
	}
	have, err := b.rows(ctx, tx, " WHERE server = ?", server)
	if err != nil {
		return nil, err
	}
	changes, waiting := compare(have, tools)
	if first == 1 {
		waiting = nil
	}
	return waiting, b.apply(ctx, tx, server, changes, first == 1, now)
}

// changes are what differs between what is kept of a server and what it has.
type changes struct {
	added   []Tool   // not known
	changed []Tool   // known, and not as it waits
	settled []string // as approved, while something else waits
	gone    []string // never approved, and not there any more
}

func (c *changes) none() bool { return len(c.added)+len(c.changed)+len(c.settled)+len(c.gone) == 0 }

// compare also returns the tools that are there and not as they are approved.
func compare(have []row, tools []Tool) (c changes, waiting []string) {
	there := map[string]bool{}
	for i := range tools {
		t := &tools[i]
		there[t.Name] = true
		at := slices.IndexFunc(have, func(r row) bool { return r.Name == t.Name })
		pin := t.Pin()
		if at < 0 || have[at].pin != pin {
			waiting = append(waiting, t.Name)
		}
		switch {
		case at < 0:
			c.added = append(c.added, *t)
		case have[at].pin == pin && have[at].waiting != "":
			c.settled = append(c.settled, t.Name)
		case have[at].pin != pin && have[at].waiting != pin:
			c.changed = append(c.changed, *t)
		}
	}
	for i := range have {
		if have[i].pin == "" && !there[have[i].Name] {
			c.gone = append(c.gone, have[i].Name)
		}
	}
	slices.Sort(waiting)
	return c, waiting
}

// apply writes changes down; what is added is approved where its server is seen
// for the first time.
func (b Book) apply(ctx context.Context, tx database.Tx, server string, c changes, first bool, now int64) error {
	for i := range c.added {
		t := &c.added[i]
		approved, waiting := row{}, row{Tool: *t, pin: t.Pin()}
		if first {
			approved, waiting = waiting, approved
		}
		if _, err := b.DB.Exec(ctx, tx, "INSERT INTO tool_pins (server, name, pin, description, input, waiting, waiting_description, waiting_input, changed_at) "+
			"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", server, t.Name, approved.pin, approved.Description, approved.Input,
			waiting.pin, waiting.Description, waiting.Input, now); err != nil {
			return err
		}
	}
	for i := range c.changed {
		if err := b.wait(ctx, tx, server, &c.changed[i], c.changed[i].Pin(), now); err != nil {
			return err
		}
	}
	for _, name := range c.settled {
		if err := b.wait(ctx, tx, server, &Tool{Name: name}, "", now); err != nil {
			return err
		}
	}
	for _, name := range c.gone {
		if _, err := b.DB.Exec(ctx, tx, "DELETE FROM tool_pins WHERE server = ? AND name = ? AND pin = ''", server, name); err != nil {
			return err
		}
	}
	return nil
}

// wait notes what waits in place of what is approved, nothing with an empty pin.
func (b Book) wait(ctx context.Context, tx database.Tx, server string, t *Tool, pin string, now int64) error {
	_, err := b.DB.Exec(ctx, tx, "UPDATE tool_pins SET waiting = ?, waiting_description = ?, waiting_input = ?, changed_at = ? WHERE server = ? AND name = ?",
		pin, t.Description, t.Input, now, server, t.Name)
	return err
}

// Approved returns the tools that are approved, as they are, by server and name.
func (b Book) Approved(ctx context.Context) ([]Tool, error) {
	return database.All(ctx, b.DB, b.DB.Read(), func(t *Tool) []any {
		return []any{&t.Server, &t.Name, &t.Description, &t.Input}
	}, "SELECT server, name, description, input FROM tool_pins WHERE pin <> '' ORDER BY server, name")
}

// State is how a tool stands.
type State string

// The states.
const (
	Approved State = "approved"
	New      State = "new"     // came later: off
	Changed  State = "changed" // is not what was approved: off
)

// Pinned is a tool as an administrator sees it.
type Pinned struct {
	Name        string    `json:"name"` // SERVER.TOOL
	State       State     `json:"state"`
	Description string    `json:"description"`          // as approved
	Input       string    `json:"input,omitempty"`      // JSON Schema of its arguments, as approved
	Offered     string    `json:"offered,omitempty"`    // the description that waits to be approved
	OfferedIn   string    `json:"offered_in,omitempty"` // the schema that waits to be approved
	ChangedAt   time.Time `json:"changed_at"`
}

func (r *row) pinned() Pinned {
	p := Pinned{
		Name: r.Server + "." + r.Name, State: Approved, Description: r.Description, Input: r.Input,
		Offered: r.waitingDescription, OfferedIn: r.waitingIn, ChangedAt: database.Time(r.changed),
	}
	switch {
	case r.pin == "":
		p.State = New
	case r.waiting != "":
		p.State = Changed
	}
	return p
}

// List returns every tool that was seen, by server and name.
func (b Book) List(ctx context.Context) ([]Pinned, error) {
	rows, err := b.rows(ctx, b.DB.Read(), "")
	list := make([]Pinned, len(rows))
	for i := range rows {
		list[i] = rows[i].pinned()
	}
	return list, err
}

// Approve lets models use a tool, named SERVER.TOOL, as its server has it now. One
// that is approved already stays so; one that was never seen is failure.NotFound.
func (b Book) Approve(ctx context.Context, name string) (p Pinned, err error) {
	server, tool, _ := strings.Cut(strings.TrimSpace(name), ".")
	var rows []row
	err = b.DB.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		now, err := b.DB.Clock(ctx, tx)
		if err != nil {
			return err
		}
		// MySQL assigns from left to right.
		if _, err := b.DB.Exec(ctx, tx, "UPDATE tool_pins SET pin = waiting, description = waiting_description, input = waiting_input, "+
			"waiting = '', waiting_description = '', waiting_input = '', changed_at = ? WHERE server = ? AND name = ? AND waiting <> ''",
			now, server, tool); err != nil {
			return err
		}
		rows, err = b.rows(ctx, tx, " WHERE server = ? AND name = ?", server, tool)
		return err
	})
	switch {
	case err != nil:
		return Pinned{}, err
	case len(rows) == 0:
		return Pinned{}, failure.New(failure.NotFound, "tool_not_found", "no server offers a tool with that name (SERVER.TOOL)", nil)
	}
	return rows[0].pinned(), nil
}

// Parts are what a backup holds of it.
func (b Book) Parts() []database.Part {
	return []database.Part{
		&database.Table{
			DB: b.DB, Name: "tool_servers", File: "tool-servers", Key: []string{"server"},
			Columns: []database.Column{{Name: "server"}, {Name: "seen_at", Kind: database.Number}},
		},
		&database.Table{
			DB: b.DB, Name: "tool_pins", File: "tool-pins", Key: []string{"server", "name"},
			Columns: []database.Column{
				{Name: "server"},
				{Name: "name"},
				{Name: "pin"},
				{Name: "description"},
				{Name: "input"},
				{Name: "waiting"},
				{Name: "waiting_description"},
				{Name: "waiting_input"},
				{Name: "changed_at", Kind: database.Number},
			},
		},
	}
}
