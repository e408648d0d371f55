package e2e_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/fakes/fakefeishu"
	"github.com/parley-bot/parley/internal/fakes/fakeslack"
)

// filing runs a test in every chat that takes files.
func filing(t *testing.T, test func(t *testing.T, w *world, s *server, export func() string)) {
	t.Helper()
	for _, m := range mouths() {
		if m.export != asFile {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.start(t)
			m.say(t, w, s, 1, "hi <there> & \"you\"")
			test(t, w, s, func() string { return m.say(t, w, s, 2, "/export") })
		})
	}
}

// What a person exports in a chat can be imported again as it is.
func TestExportedFileImports(t *testing.T) {
	t.Parallel()
	filing(t, func(t *testing.T, _ *world, _ *server, export func() string) {
		t.Helper()
		text, ok := strings.CutPrefix(export(), string(asFile)+"\n")
		var archive conversation.Archive
		if err := json.Unmarshal([]byte(text), &archive); !ok || err != nil || len(archive.Messages) != 2 {
			t.Fatalf("%v in %s", err, text)
		}
		m, err := conversation.Open(t.Context(), conversation.Options{DBURL: "sqlite:///:memory:"})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		c, err := m.Import(t.Context(), archive, conversation.ImportNew)
		if err != nil {
			t.Fatal(err)
		}
		again, err := m.Export(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := json.Marshal(archive.Messages)
		got, _ := json.Marshal(again.Messages)
		if string(got) != string(want) || c.UserKey != archive.Conversation.UserKey {
			t.Errorf("of %s\n got %s\nwant %s", c.UserKey, got, want)
		}
	})
}

// An app that was made before there were files, or may show none, answers with
// the text, once.
func TestExportWithoutPermissionForFiles(t *testing.T) {
	t.Parallel()
	filing(t, func(t *testing.T, w *world, s *server, export func() string) {
		t.Helper()
		w.slack.Script(fakeslack.FilesGetUploadURL, fakeslack.Refuse("missing_scope"))
		w.feishu.Misbehave(fakefeishu.Files, fakefeishu.Code(400, 99991672, "Access denied."))
		if got := export(); !strings.HasPrefix(got, "```json\n{") || !strings.HasSuffix(got, "}\n```") {
			t.Errorf("answered %s", got)
		}
		s.settled(t)
		if n := len(w.slack.Messages()) + len(w.feishu.Messages()); n != 2 {
			t.Errorf("%d messages", n)
		}
	})
}

// A file whose last answer was lost is shown once all the same.
func TestExportWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	filing(t, func(t *testing.T, w *world, s *server, export func() string) {
		t.Helper()
		w.slack.Script(fakeslack.FilesCompleteUpload, fakeslack.TakeThenCut())
		w.feishu.Misbehave(fakefeishu.Reply, fakefeishu.TakeThenCut())
		if got := export(); !strings.HasPrefix(got, string(asFile)+"\n{") {
			t.Errorf("answered %s", got)
		}
		s.settled(t)
		if n := len(w.slack.Messages()) + len(w.feishu.Messages()); n != 2 {
			t.Errorf("%d messages", n)
		}
	})
}
