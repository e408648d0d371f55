package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/gateway/inbox"
	"github.com/parley-bot/parley/gateway/outbox"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// shelf is a platform that takes files, and texts of two parts. It is used by
// one worker.
type shelf struct {
	send  func(p platforms.Part) (taken bool, err error) // nil: all goes well
	tried []platforms.Part
	shown []platforms.Part
}

func (s *shelf) TakesFile(to platforms.Address) bool { return to.ChatID == "room" }

func (s *shelf) Split(reply string) []string { return []string{reply[:1], reply[1:]} }

func (s *shelf) Send(_ context.Context, _ platforms.Address, p platforms.Part) (id string, err error) {
	s.tried = append(s.tried, p)
	taken := true
	if s.send != nil {
		taken, err = s.send(p)
	}
	if taken {
		s.shown = append(s.shown, p)
	}
	return "id", err
}

func (s *shelf) Find(_ context.Context, _ platforms.Address, p platforms.Part, _ time.Time) (platforms.Finding, string, error) {
	if slices.ContainsFunc(s.shown, func(had platforms.Part) bool { return had.Key == p.Key }) {
		return platforms.Shown, "found", nil
	}
	return platforms.Missing, "", nil
}

// forms says how each part is shown: a file by its name, a message as "text".
func (s *shelf) forms() string {
	var list []string
	for _, p := range s.shown {
		form := "text"
		if p.File != "" {
			form = p.File
		}
		list = append(list, form+p.Key[strings.LastIndex(p.Key, "-"):])
	}
	return strings.Join(list, " ")
}

// text is what is shown in messages.
func (s *shelf) text() string {
	var b strings.Builder
	for _, p := range s.shown {
		if p.File == "" {
			b.WriteString(p.Text)
		}
	}
	return b.String()
}

// told is something that Alice says in the room.
func told(id, text string) platforms.Event { return message("chat", id, "alice", text) }

// An export is shown as a file where the chat takes one, and kept as a line.
func TestExportIsAFile(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := &shelf{}
		w := process(t, db, &model{reply: repeating}, &chat{}, options{owner: "me", sender: s})
		w.accept(told("1", "hello"))
		run(t, w)
		s.shown = nil
		a := w.accept(told("2", "/export"))[0]
		run(t, w)
		var file struct{ Messages []struct{ Content string } }
		if s.forms() != "conversation.json-0" || json.Unmarshal([]byte(s.shown[0].Text), &file) != nil || len(file.Messages) != 2 {
			t.Errorf("shown %s: %+v", s.forms(), s.shown)
		}
		if h := w.history(); h[len(h)-1].Content != "Exported 2 messages" {
			t.Errorf("kept %q", h[len(h)-1].Content)
		}
		if e, err := w.inbox.Get(t.Context(), a.ID); err != nil || e.State != inbox.Sent {
			t.Errorf("%s %s, %v", e.State, e.Error, err)
		}
	})
}

// Where no file can be shown, the text is.
func TestExportIsATextWhereNoFileIsTaken(t *testing.T) {
	t.Parallel()
	s := &shelf{}
	w := process(t, dbtest.New(t), &model{reply: repeating}, &chat{}, options{owner: "me", sender: s})
	for i, text := range []string{"hello", "/export"} {
		e := told(fmt.Sprint(i), text)
		e.ReplyTo.ChatID = "elsewhere"
		w.accept(e)
		run(t, w)
	}
	if s.forms() != "text-0 text-1 text-0 text-1" || !strings.Contains(s.text(), "```json") {
		t.Errorf("shown %s: %s", s.forms(), s.text())
	}
}

// A file that the platform refuses becomes text, once; one that may be shown
// does not.
func TestRefusedFile(t *testing.T) {
	t.Parallel()
	var (
		refused = failure.New(failure.Permanent, "missing_scope", "needs files:write", nil)
		retry   = failure.New(failure.Retry, "unreachable", "", nil)
		lost    = failure.New(failure.Ambiguous, "no_answer", "", nil)
	)
	type step struct {
		taken bool
		err   error
	}
	for _, c := range []struct {
		name  string
		steps []step // of the sends, in order; after them all goes well
		forms string
		tries int
		state inbox.State
	}{
		{"refused", []step{{false, refused}}, "text-1 text-2", 3, inbox.Sent},
		{"refused when it is tried again", []step{{false, retry}, {false, refused}}, "text-1 text-2", 4, inbox.Sent},
		{"lost, but shown", []step{{true, lost}}, "conversation.json-0", 1, inbox.Sent},
		{"lost and not shown", []step{{false, lost}}, "conversation.json-0", 2, inbox.Sent},
		{"lost, then refused", []step{{false, lost}, {false, refused}}, "", 2, inbox.Dead},
		{"the text is lost, but shown", []step{{false, refused}, {true, lost}}, "text-1 text-2", 3, inbox.Sent},
		{"the text is lost and not shown", []step{{false, refused}, {false, lost}}, "text-1 text-2", 4, inbox.Sent},
		{"the end of the text is lost", []step{{false, refused}, {true, nil}, {true, lost}}, "text-1 text-2", 3, inbox.Sent},
		{"the text is to be tried again", []step{{false, refused}, {false, retry}}, "text-1 text-2", 4, inbox.Sent},
		{"the text is refused too", []step{{false, refused}, {false, refused}}, "", 2, inbox.Dead},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, log := &shelf{}, &bytes.Buffer{}
			w, clock := timed(t, options{owner: "me", sender: s, log: slog.New(slog.NewTextHandler(log, nil))})
			w.accept(told("1", "hello"))
			run(t, w)
			s.tried, s.shown = nil, nil
			s.send = func(platforms.Part) (bool, error) {
				if i := len(s.tried) - 1; i < len(c.steps) {
					return c.steps[i].taken, c.steps[i].err
				}
				return true, nil
			}
			a := w.accept(told("2", "/export"))[0]
			for range 10 {
				run(t, w) // each time it is read from the database anew
				clock.pass(time.Second)
			}
			e, err := w.inbox.Get(t.Context(), a.ID)
			if err != nil || e.State != c.state || s.forms() != c.forms || len(s.tried) != c.tries {
				t.Errorf("%s %q, shown %q after %d tries, %v", e.State, e.Error, s.forms(), len(s.tried), err)
			}
			isText := strings.HasPrefix(c.forms, "text")
			if text := s.text(); isText != strings.HasPrefix(text, "```json\n{") || isText != strings.HasSuffix(text, "}\n```") {
				t.Errorf("text %q", text)
			}
			if isText && !strings.Contains(log.String(), "needs files:write") {
				t.Errorf("log: %s", log)
			}
		})
	}
}

// Who has lost the conversation to another replica, which has shown the file
// meanwhile, shows no text.
func TestRefusedFileThatAnotherReplicaHasShown(t *testing.T) {
	t.Parallel()
	s := &shelf{}
	w, _ := timed(t, options{owner: "me", sender: s})
	s.send = func(p platforms.Part) (bool, error) {
		if p.File == "" {
			return true, nil
		}
		err := w.db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			_, err := tx.NewRaw("UPDATE delivery_parts SET state = 'sent' WHERE file_name <> ''").Exec(ctx)
			return err
		})
		if err != nil {
			t.Error(err)
		}
		return false, failure.New(failure.Permanent, "missing_scope", "", nil)
	}
	w.accept(told("1", "hello"))
	run(t, w)
	s.shown = nil
	w.accept(told("2", "/export"))
	run(t, w)
	if len(s.shown) != 0 {
		t.Errorf("shown %+v", s.shown)
	}
}

// The largest export that there is passes through every database, whatever is
// in it.
func TestLargeFileIsStored(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		w := process(t, db, &model{}, &chat{}, options{owner: "me", sender: &shelf{}})
		content := strings.Repeat(`\`, 4<<20)
		d := &outbox.Delivery{
			ID: 1, LaneKey: make([]byte, 32), Platform: "chat", Text: "too long", Outcome: outbox.Sent,
			File: &outbox.File{Name: "conversation.json", Content: content},
		}
		w.outbox.Prepare(d, make([]byte, 32))
		err := db.Write(t.Context(), func(ctx context.Context, tx database.Tx) error {
			return w.outbox.SealTx(ctx, tx, d, database.Micros(time.Now()))
		})
		if err != nil {
			t.Fatal(err)
		}
		var name, text string
		err = db.Read().NewRaw("SELECT file_name, text FROM delivery_parts").Scan(t.Context(), &name, &text)
		if err != nil || name != "conversation.json" || text != content {
			t.Errorf("%s of %d bytes, %v", name, len(text), err)
		}
	})
}
