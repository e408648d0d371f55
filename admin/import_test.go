package admin_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-bot/parley/admin"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

func importBench(t *testing.T) (b *bench, dir string) {
	t.Helper()
	store, err := conversation.Open(t.Context(), conversation.Options{DBURL: dbtest.URL(t, database.SQLite)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	dir = filepath.Join(t.TempDir(), "tmp")
	return &bench{Handler: admin.New(admin.Options{Door: door(), Conversations: store, SpoolDir: dir})}, dir
}

const imports = "/api/v1/conversations/import"

// TestImportLeavesNoFile keeps the body of an import in a file without a name.
func TestImportLeavesNoFile(t *testing.T) {
	t.Parallel()
	b, dir := importBench(t)
	b.call(t, 201, "POST", imports, archiveOf("slack:alice", "slack", strings.Repeat("long ", 1<<20)))
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("the folder of temporary files: %v, %v", left, err)
	}
}

// TestImportsWaitForNobody sends a second import while the body of the first comes in.
func TestImportsWaitForNobody(t *testing.T) {
	t.Parallel()
	b, _ := importBench(t)
	slow, body := io.Pipe()
	first := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, imports, slow)
		r.Header.Set("Authorization", "Bearer "+token)
		b.ServeHTTP(first, r)
	}()
	if _, err := io.WriteString(body, "{"); err != nil { // it is being read
		t.Fatal(err)
	}
	if got := b.call(t, 503, "POST", imports, archiveOf("slack:bob", "slack", "hi")); !strings.Contains(got, `"busy"`) {
		t.Errorf("got %s", got)
	}
	_ = body.CloseWithError(errors.New("gone"))
	<-done
	if first.Code != 400 {
		t.Errorf("the first: %d %s", first.Code, first.Body)
	}
	b.call(t, 201, "POST", imports, archiveOf("slack:bob", "slack", "hi"))
}
