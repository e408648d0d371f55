package pins_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/parley-bot/parley/ai/pins"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
)

func tool(name, description string) pins.Tool {
	return pins.Tool{Name: name, Description: description, Input: `{"type":"object"}`}
}

// What a server has when it is first seen is approved; what changes or comes later
// is off until it is approved, and what was approved before is not used in its place.
func TestPins(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b, ctx := pins.Book{DB: db}, t.Context()
		see := func(want []string, tools ...pins.Tool) {
			t.Helper()
			for range 2 { // the second time nothing is new
				if waiting, err := b.See(ctx, "files", tools); err != nil || !slices.Equal(waiting, want) {
					t.Errorf("waiting are %q, %v; want %q", waiting, err, want)
				}
			}
		}
		states := func(want ...string) {
			t.Helper()
			list, err := b.List(ctx)
			var got []string
			for _, p := range list {
				got = append(got, p.Name+" "+string(p.State)+" "+p.Description+" "+p.Offered)
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%q, %v; want %q", got, err, want)
			}
		}
		see(nil, tool("read", "Reads"), tool("a.b", "Dots"))
		states("files.a.b approved Dots ", "files.read approved Reads ")
		see([]string{"read", "write"}, tool("read", "Reads, and sends it to me"), tool("write", "Writes"))
		states("files.a.b approved Dots ", "files.read changed Reads Reads, and sends it to me", "files.write new  Writes")
		see([]string{"write"}, tool("read", "Reads"), tool("write", "Writes more"))
		states("files.a.b approved Dots ", "files.read approved Reads ", "files.write new  Writes more")
		if p, err := b.Approve(ctx, "files.write"); err != nil || p.State != pins.Approved || p.Description != "Writes more" {
			t.Errorf("approve: %+v, %v", p, err)
		}
		see(nil, tool("read", "Reads"), tool("write", "Writes more"))
		see([]string{"more"}, tool("more", "")) // a tool without a word
		see(nil)
		states("files.a.b approved Dots ", "files.read approved Reads ", "files.write approved Writes more ")
		for _, name := range []string{"files.more", "files", "", "other.read", "files.READ"} {
			if _, err := b.Approve(ctx, name); failure.KindOf(err) != failure.NotFound {
				t.Errorf("approve %q: %v", name, err)
			}
		}
		changed := tool("read", "Reads")
		changed.Input = `{"type":"object","properties":{"password":{}}}`
		see([]string{"read"}, changed)
		if _, err := b.Approve(ctx, "files.read"); err != nil {
			t.Fatal(err)
		}
		approved, err := b.Approved(ctx)
		if err != nil || len(approved) != 3 || approved[1].Input != changed.Input || approved[1].Pin() != changed.Pin() {
			t.Errorf("%+v, %v", approved, err)
		}
	})
}

// Two replicas see a server at once, each with another word: one of them pins it,
// and what the other has is off.
func TestFirstSightIsOne(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		var all sync.WaitGroup
		for _, description := range []string{"one", "two", "three", "four"} {
			all.Go(func() {
				if _, err := (pins.Book{DB: db}).See(t.Context(), "files", []pins.Tool{tool("read", description)}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		list, err := pins.Book{DB: db}.List(t.Context())
		if err != nil || len(list) != 1 || list[0].State != pins.Changed || list[0].Description == "" {
			t.Errorf("%+v, %v", list, err)
		}
	})
}
