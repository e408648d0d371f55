package dynamo_test

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/memory/dynamo"
	"github.com/parley-bot/parley/memory/memorytest"
)

// emulator returns the endpoint of what stands in for DynamoDB.
func emulator(t *testing.T) string {
	t.Helper()
	endpoint := os.Getenv("PARLEY_TEST_DYNAMODB")
	if endpoint == "" {
		t.Skip("PARLEY_TEST_DYNAMODB is not set: the suite on DynamoDB is left out (make dynamo starts an emulator)")
	}
	return endpoint
}

// open returns a store with tables of its own.
func open(t *testing.T, zone *time.Location) *dynamo.Store {
	t.Helper()
	s, err := dynamo.Open(t.Context(), dynamo.Options{
		Region: "eu-central-1", Endpoint: emulator(t), TablePrefix: "test_" + strings.ToLower(rand.Text()) + "_", Zone: zone,
		AccessKey: "test", SecretKey: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CreateTables(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBackend(t *testing.T) {
	t.Parallel()
	emulator(t)
	memorytest.Run(t, func(t *testing.T, zone *time.Location) (memory.Backend, *database.DB) {
		t.Helper()
		return open(t, zone), nil
	})
}
