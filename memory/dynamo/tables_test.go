package dynamo_test

import (
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/memory/dynamo"
	"github.com/parley-bot/parley/memory/memorytest"
)

// Making the tables again changes nothing; without them the error says what to do.
func TestCreateTables(t *testing.T) {
	t.Parallel()
	emulator(t)
	s := open(t, time.UTC)
	e, p := memory.Effect{ID: "e", At: time.Now()}, memory.Person{Platform: "slack", SenderID: "U1"}
	if _, err := memorytest.Apply(t.Context(), nil, s, e, memory.Seen{Person: p, Name: "A"}); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateTables(t.Context()); err != nil {
		t.Fatal(err)
	}
	if name, err := s.Name(t.Context(), p); name != "A" || err != nil {
		t.Errorf("%q, %v", name, err)
	}
	none, err := dynamo.Open(t.Context(), dynamo.Options{
		Region: "eu-central-1", Endpoint: emulator(t), TablePrefix: "nobody_made_", AccessKey: "test", SecretKey: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{none.Check(t.Context()), func() error { _, err := none.Name(t.Context(), p); return err }()} {
		if failure.CodeOf(err) != "dynamodb_no_table" || failure.KindOf(err) != failure.Permanent {
			t.Errorf("without tables: %v", err)
		}
	}
}
