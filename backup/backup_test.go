package backup_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/backup"
	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// keeper returns a keeper of an empty database.
func keeper(t *testing.T) *backup.Keeper {
	t.Helper()
	db := dbtest.Open(t, dbtest.URL(t, database.SQLite))
	s, err := conversation.New(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &backup.Keeper{Store: s, DB: db, Parts: []database.Part{s.Tokens().Part()}, Program: "v1", Schema: "0001"}
}

// filled returns a folder that a keeper of two conversations wrote.
func filled(t *testing.T) (k *backup.Keeper, dir string) {
	t.Helper()
	k, dir = keeper(t), t.TempDir()
	for _, who := range []string{"slack:private:alice", "slack:private:bob"} {
		_, err := k.Store.Import(t.Context(), conversation.Archive{
			Conversation: conversation.Conversation{UserKey: who, Platform: "slack"},
			Messages:     []conversation.Message{{Role: conversation.RoleUser, Content: "hi", Tokens: 3, Timestamp: time.Now()}},
		}, conversation.ImportNew)
		if err != nil {
			t.Fatal(err)
		}
	}
	if n, err := k.BackupAll(t.Context(), dir); n != 2 || err != nil {
		t.Fatalf("%d conversations, %v", n, err)
	}
	return k, dir
}

func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestVerifyNamesEveryFile changes one byte of each file in turn.
func TestVerifyNamesEveryFile(t *testing.T) {
	t.Parallel()
	_, dir := filled(t)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 4 {
		t.Fatal(entries, err)
	}
	flip := func(text []byte) []byte { text[len(text)/2] ^= 1; return text }
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		edit(t, path, flip)
		_, problems, err := backup.Verify(t.Context(), dir, nil)
		said := strings.Join(problems, "\n") + fmt.Sprint(err)
		if !strings.HasPrefix(said, e.Name()+": ") && !strings.HasPrefix(fmt.Sprint(err), e.Name()+": ") {
			t.Errorf("%s was changed: %s", e.Name(), said)
		}
		edit(t, path, flip)
	}
	if m, problems, err := backup.Verify(t.Context(), dir, nil); err != nil || len(problems) != 0 || m.Counts["messages"] != 2 || m.Counts["tokens"] != 2 {
		t.Errorf("%+v, %v, %v", m, problems, err)
	}
}

// TestManifestsThatAreRefused restores nothing by them.
func TestManifestsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ old, new, want string }{
		"newer":      {`"format": 1`, `"format": 2`, "made by v1 in format 2"},
		"elsewhere":  {`"name": "tokens.jsonl"`, `"name": "../tokens.jsonl"`, `it names "../tokens.jsonl"`},
		"itself":     {`"name": "tokens.jsonl"`, `"name": "manifest.json"`, `it names "manifest.json"`},
		"no format":  {`"format": 1`, `"format": 0`, "damaged"},
		"other text": {`"program"`, `"programme"`, "damaged"},
	} {
		_, dir := filled(t)
		path := filepath.Join(dir, backup.ManifestName)
		edit(t, path, func(text []byte) []byte {
			changed := strings.Replace(string(text), c.old, c.new, 1)
			if c.want == "damaged" {
				return []byte(changed)
			}
			body := changed[:len(changed)-2*sha256.Size-len("\"}\n")]
			return fmt.Appendf(nil, "%s%x\"}\n", body, sha256.Sum256([]byte(body)))
		})
		k := keeper(t)
		_, err := k.Restore(t.Context(), dir, conversation.ImportNew, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if s, err := k.Store.Stats(t.Context()); s.TotalConversations != 0 || err != nil {
			t.Errorf("%s: %d conversations, %v", name, s.TotalConversations, err)
		}
	}
}

// TestTokensCountOnce restores into a database that has a part of it already:
// one conversation was deleted, which gives no tokens back.
func TestTokensCountOnce(t *testing.T) {
	t.Parallel()
	k, dir := filled(t)
	if err := k.Store.Delete(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []conversation.ImportMode{conversation.ImportMerge, conversation.ImportMerge, conversation.ImportReplace} {
		if _, err := k.Restore(t.Context(), dir, mode, nil); err != nil {
			t.Fatal(err)
		}
		n, err := k.Store.TokensUsed(t.Context(), "slack:private:alice", time.Time{})
		if n != 3 || err != nil {
			t.Errorf("%s: %d tokens, %v", mode, n, err)
		}
	}
}
