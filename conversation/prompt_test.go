package conversation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
)

// toldOf returns what the next prompt of a conversation is made from.
func toldOf(t *testing.T, m *conversation.PersistentConversationManager, key conversation.Key) string {
	t.Helper()
	c, err := m.Find(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	messages, partial, err := m.LoadContext(t.Context(), c.ID, c.Anchor, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(c.Summary, partial)
	for i, msg := range messages {
		text += fmt.Sprintf("\n%q %q %v %s", msg.Role, msg.Content, msg.Context, msg.Opaque)
		if msg.ID == c.SummaryEnd+1 {
			text += fmt.Sprintf(" (the summary ends before the %d.)", i+1)
		}
	}
	return text
}

// A conversation goes on with the same prompt when it was restored, on whichever
// database: what models were told beside messages, and where prompts begin. An
// export has none of it, and what was backed up without it reads as before.
func TestBackupHoldsThePrompt(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			db := dbtest.Open(t, dbtest.URL(t, engine))
			m, ctx, dir := newStore(t, db), t.Context(), t.TempDir()
			key := conversation.Key{UserKey: "slack:group:*", Platform: "slack", ChatID: "C1"}
			c, err := m.GetOrCreate(ctx, key)
			must(t, err)
			for i := range 250 { // some pages of an export
				_, err := m.SaveMessage(ctx, c.ID, conversation.Message{
					Role: conversation.RoleUser, Content: fmt.Sprint("question ", i),
					Context: []conversation.Passage{{Author: "slack:group:U2", Text: fmt.Sprint("the passage ", i)}},
				})
				must(t, err)
				_, err = m.SaveMessage(ctx, c.ID, conversation.Message{
					Role: conversation.RoleAssistant, Content: fmt.Sprint("answer ", i), Opaque: json.RawMessage(`{"thoughts":"the plan"}`),
				})
				must(t, err)
			}
			must(t, m.SetSummary(ctx, c.ID, "short"))
			must(t, db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
				if _, err := db.Exec(ctx, tx, `UPDATE conversations SET summary_end = 300 WHERE id = ?`, c.ID); err != nil {
					return err
				}
				return m.CutTx(ctx, tx, c.ID, 231, false)
			}))
			before := toldOf(t, m, key)
			for _, want := range []string{"the passage 249", "the plan", "(the summary ends before the 71.)"} {
				if !strings.Contains(before, want) {
					t.Fatalf("%q is not in %s", want, before)
				}
			}
			if _, err := m.BackupAll(ctx, dir); err != nil {
				t.Fatal(err)
			}
			var export strings.Builder
			must(t, m.ExportTo(ctx, c.ID, &export))
			for _, never := range []string{"the passage", "the plan", "anchor", "unfolded", "beside"} {
				if strings.Contains(export.String(), never) {
					t.Errorf("the export holds %q", never)
				}
			}
			other := newStore(t, dbtest.Open(t, dbtest.URL(t, engine)))
			for _, mode := range []conversation.ImportMode{conversation.ImportNew, conversation.ImportMerge, conversation.ImportReplace} {
				if _, err := other.Restore(ctx, dir, mode); err != nil {
					t.Fatal(err)
				}
				if after := toldOf(t, other, key); after != before {
					t.Errorf("restored by %s: %s, want %s", mode, after, before)
				}
			}
			must(t, os.WriteFile(filepath.Join(dir, "old.json"), []byte(export.String()), 0o600))
			file, err := os.Open(filepath.Join(dir, "old.json"))
			must(t, err)
			defer file.Close()
			read, err := other.ImportFrom(ctx, file, int64(export.Len()), conversation.ImportReplace, nil)
			must(t, err)
			whole, err := m.Export(ctx, c.ID)
			must(t, err)
			again, err := other.Export(ctx, read.ID)
			must(t, err)
			for i := range whole.Messages {
				a, b := whole.Messages[i], again.Messages[i]
				if a.Content != b.Content || !a.Timestamp.Equal(b.Timestamp) || !reflect.DeepEqual(a.Metadata, b.Metadata) || b.Context != nil || b.Opaque != nil {
					t.Fatalf("message %d without what is beside it: %+v, want %+v", i, b, a)
				}
			}
		})
	}
}

// A backup that goes on in the same folder keeps nothing that was erased since, though
// no counter tells of it, and writes nothing that is there as it is.
func TestBackupGoesOnWithoutWhatWasErased(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t, dbtest.URL(t, database.SQLite))
	m, ctx, dir := newStore(t, db), t.Context(), t.TempDir()
	save := func(user string, context ...conversation.Passage) int64 {
		c, err := m.GetOrCreate(ctx, conversation.Key{UserKey: user, Platform: "slack", ChatID: "C1"})
		must(t, err)
		_, err = m.SaveMessage(ctx, c.ID, conversation.Message{Role: conversation.RoleUser, Content: "what was it?", Context: context})
		must(t, err)
		return c.ID
	}
	backup := func(written, kept int) {
		t.Helper()
		r, err := m.Backup(ctx, dir, nil)
		if err != nil || r.Written != written || r.Kept != kept {
			t.Errorf("%+v, %v; want %d written and %d kept", r, err, written, kept)
		}
	}
	save("slack:group:U1", conversation.Passage{Author: "slack:group:U2", Text: "the jasmine tea"})
	liked := save("slack:group:U3")
	save("slack:group:U4")
	backup(3, 0)
	backup(0, 3)
	must(t, m.EraseAuthored(ctx, "", "slack:group:*", []string{"slack:group:U2"}, time.Now().Add(time.Minute)))
	must(t, db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		_, err := m.FeedbackTx(ctx, tx, liked, 1, "slack:group:U3", "up")
		return err
	}))
	backup(2, 1)
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	likes := 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		must(t, err)
		if strings.Contains(string(text), "jasmine") {
			t.Errorf("%s holds what was erased", name)
		}
		likes += strings.Count(string(text), `"up"`)
	}
	if likes != 1 {
		t.Errorf("what somebody thinks of a reply stands there %d times", likes)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
