package admin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/parley-bot/parley/conversation"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/spool"
	"github.com/parley-bot/parley/internal/web/respond"
)

// Conversations are the stored conversations.
type Conversations interface {
	List(ctx context.Context, o conversation.ListOptions) (items []conversation.Conversation, next string, err error)
	Get(ctx context.Context, id int64) (*conversation.Conversation, error)
	Messages(ctx context.Context, id int64, limit int, cursor string) (items []conversation.Message, next string, err error)
	Search(ctx context.Context, id int64, o conversation.SearchOptions) ([]conversation.Found, error)
	Clear(ctx context.Context, id int64) error
	Delete(ctx context.Context, id int64) error
	ExportTo(ctx context.Context, id int64, w io.Writer) error
	ImportFrom(ctx context.Context, file io.ReaderAt, size int64, mode conversation.ImportMode, progress conversation.Progress) (*conversation.Conversation, error)
}

const (
	standardPage  = 50       // items of a page when the request does not say
	largestPage   = 500      // items of a page at most
	importLimit   = 64 << 20 // bytes of an import
	importsAtOnce = 1        // each takes a file, and memory for the largest message
)

func (a *admin) conversationRoutes() {
	a.handle("GET /api/v1/conversations", a.listConversations)
	a.handle("POST /api/v1/conversations/import", a.importConversation)
	a.handleConversation("GET /api/v1/conversations/{id}", a.getConversation)
	a.handleConversation("DELETE /api/v1/conversations/{id}", a.deleteConversation)
	a.handleConversation("GET /api/v1/conversations/{id}/messages", a.listMessages)
	a.handleConversation("GET /api/v1/conversations/{id}/search", a.searchMessages)
	a.handleConversation("POST /api/v1/conversations/{id}/clear", a.clearConversation)
	a.handleConversation("GET /api/v1/conversations/{id}/export", a.exportConversation)
}

// handleConversation registers a handler for one conversation. What cannot be
// an id is not found.
func (a *admin) handleConversation(pattern string, handler func(http.ResponseWriter, *http.Request, int64) error) {
	a.handle(pattern, func(w http.ResponseWriter, r *http.Request) error {
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		if err != nil || id < 1 {
			return explain(conversation.ErrNotFound)
		}
		return explain(handler(w, r, id))
	})
}

// explain gives the errors of package conversation the sentence that the
// caller reads.
func explain(err error) error {
	switch {
	case errors.Is(err, conversation.ErrNotFound):
		return failure.New(failure.NotFound, "not_found", "there is no such conversation", err)
	case errors.Is(err, conversation.ErrExists):
		return failure.New(failure.Conflict, "exists", "the conversation already exists; use mode=merge or mode=replace to import it anyway", err)
	case errors.Is(err, conversation.ErrInvalid): // its text is about the input only
		return failure.New(failure.Invalid, "invalid", strings.TrimSuffix(err.Error(), ": "+conversation.ErrInvalid.Error()), err)
	}
	return err
}

func (a *admin) listConversations(w http.ResponseWriter, r *http.Request) error {
	limit, err := wholeNumber(r, "limit", standardPage, largestPage)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	items, next, err := a.o.Conversations.List(r.Context(), conversation.ListOptions{
		Platform: q.Get("platform"), UserKey: q.Get("user_key"), Query: q.Get("q"), Limit: limit, Cursor: q.Get("cursor"),
	})
	if err != nil {
		return explain(err)
	}
	page := whole(items)
	page.NextCursor = next
	respond.JSON(w, http.StatusOK, page)
	return nil
}

func (a *admin) getConversation(w http.ResponseWriter, r *http.Request, id int64) error {
	c, err := a.o.Conversations.Get(r.Context(), id)
	if err != nil {
		return err
	}
	respond.JSON(w, http.StatusOK, c)
	return nil
}

func (a *admin) deleteConversation(w http.ResponseWriter, r *http.Request, id int64) error {
	if err := a.o.Conversations.Delete(r.Context(), id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *admin) listMessages(w http.ResponseWriter, r *http.Request, id int64) error {
	limit, err := wholeNumber(r, "limit", standardPage, largestPage)
	if err != nil {
		return err
	}
	items, next, err := a.o.Conversations.Messages(r.Context(), id, limit, r.URL.Query().Get("cursor"))
	if err != nil {
		return err
	}
	page := whole(items)
	page.NextCursor = next
	respond.JSON(w, http.StatusOK, page)
	return nil
}

// foundMessage is a message that answers a search.
type foundMessage struct {
	MessageID int64             `json:"message_id"`
	Role      conversation.Role `json:"role"`
	Author    string            `json:"author"`
	Content   string            `json:"content"`
	Timestamp time.Time         `json:"timestamp"`
	Score     float64           `json:"score"`
}

// searchMessages answers with the messages that answer a question best.
func (a *admin) searchMessages(w http.ResponseWriter, r *http.Request, id int64) error {
	limit, err := wholeNumber(r, "limit", standardPage, largestPage)
	if err != nil {
		return err
	}
	o := conversation.SearchOptions{Query: r.URL.Query().Get("q"), Author: r.URL.Query().Get("author"), Limit: limit}
	if o.Since, err = moment(r, "since"); err != nil {
		return err
	}
	if o.Until, err = moment(r, "until"); err != nil {
		return err
	}
	found, err := a.o.Conversations.Search(r.Context(), id, o)
	if err != nil {
		return err
	}
	items := make([]foundMessage, len(found))
	for i := range found {
		f := &found[i]
		items[i] = foundMessage{f.ID, f.Role, f.Author, f.Content, f.Timestamp, f.Score}
	}
	respond.JSON(w, http.StatusOK, whole(items))
	return nil
}

// clearConversation answers with the conversation as it is then.
func (a *admin) clearConversation(w http.ResponseWriter, r *http.Request, id int64) error {
	if err := a.o.Conversations.Clear(r.Context(), id); err != nil {
		return err
	}
	return a.getConversation(w, r, id)
}

// exportConversation streams. When it fails after the first byte the connection
// is cut, so that nobody takes a part for the whole.
func (a *admin) exportConversation(w http.ResponseWriter, r *http.Request, id int64) error {
	out := download{w: w, name: fmt.Sprintf("conversation-%d.json", id), now: a.o.Now, start: a.o.Now()}
	buffer := bufio.NewWriterSize(&out, 1<<16)
	err := a.o.Conversations.ExportTo(r.Context(), id, buffer)
	if err == nil {
		err = buffer.Flush()
	}
	if err == nil || !out.begun {
		return err
	}
	a.o.Logger.LogAttrs(r.Context(), slog.LevelWarn, "export broke off", slog.Int64("conversation_id", id), slog.Any("error", err))
	panic(http.ErrAbortHandler)
}

// A download holds a snapshot of the database. It may take as long as it is
// long, but not for ever: after downloadPatience whoever reads it must have
// taken slowestDownload bytes a second, and one piece no longer than that.
const (
	downloadPatience = time.Minute
	slowestDownload  = 32 << 10
)

// download is a file that the browser keeps. Its headers go out with the first
// byte: before that, an error is an answer of its own.
type download struct {
	w     http.ResponseWriter
	name  string
	begun bool
	now   func() time.Time
	start time.Time
	taken int64 // bytes
}

// deadline is when the next piece must have been read.
func (d *download) deadline() time.Time {
	latest := d.start.Add(downloadPatience + time.Duration(d.taken/slowestDownload)*time.Second)
	if piece := d.now().Add(downloadPatience); piece.Before(latest) {
		return piece
	}
	return latest
}

// Write implements io.Writer.
func (d *download) Write(p []byte) (int, error) {
	if !d.begun {
		d.begun = true
		d.w.Header().Set("Content-Type", "application/json")
		d.w.Header().Set("Content-Disposition", `attachment; filename="`+d.name+`"`)
	}
	err := http.NewResponseController(d.w).SetWriteDeadline(d.deadline())
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := d.w.Write(p)
	d.taken += int64(n)
	return n, err
}

func (a *admin) importConversation(w http.ResponseWriter, r *http.Request) error {
	mode := conversation.ImportMode(r.URL.Query().Get("mode"))
	if mode == "" {
		mode = conversation.ImportNew
	}
	// A big file may take longer than any other answer.
	if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	select {
	case a.importing <- struct{}{}:
		defer func() { <-a.importing }()
	default:
		return failure.New(failure.Unavailable, "busy", "another import is running; try again later", nil)
	}
	f, size, err := spool.Copy(r.Context(), a.o.SpoolDir, http.MaxBytesReader(w, r.Body, importLimit), importLimit)
	if err != nil {
		return explainBody(err)
	}
	defer func() { _ = f.Close() }() // it has no name and was only read
	c, err := a.o.Conversations.ImportFrom(r.Context(), f, size, mode, nil)
	if err != nil {
		return explain(err)
	}
	w.Header().Set("Location", fmt.Sprintf("/api/v1/conversations/%d", c.ID))
	respond.JSON(w, http.StatusCreated, c)
	return nil
}

// explainBody tells a body that is too large or broke off from a file that cannot be written.
func explainBody(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return failure.New(failure.TooLarge, "too_large", fmt.Sprintf("an import may be at most %d MiB", importLimit>>20), err)
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return err
	}
	return failure.New(failure.Invalid, "invalid_body", "the body could not be read completely", err)
}
