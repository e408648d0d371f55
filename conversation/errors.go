package conversation

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/parley-bot/parley/conversation/message"
	"github.com/parley-bot/parley/internal/failure"
)

// The errors of this package; match them with errors.Is. They come wrapped,
// with the id or the field in the text and a kind of package failure.
var (
	ErrNotFound = message.ErrNotFound
	ErrExists   = message.ErrExists
	ErrInvalid  = message.ErrInvalid
)

func notFound(id int64) error {
	return failure.New(failure.NotFound, "not_found", fmt.Sprintf("conversation %d", id), ErrNotFound)
}

func exists(id int64) error {
	return failure.New(failure.Conflict, "exists", fmt.Sprintf("conversation %d with this identity", id), ErrExists)
}

// named puts the id into a "not found".
func named(err error, id int64) error {
	if errors.Is(err, ErrNotFound) {
		return notFound(id)
	}
	return err
}

// withoutPath returns why a file operation failed, for a text that names the file already.
func withoutPath(err error) error {
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return file.Err
	}
	return err
}

// oneLine joins errors into one line; nil when there are none.
func oneLine(errs ...error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return severalErrors(errs)
}

// severalErrors is errors.Join with "; " between them.
type severalErrors []error

func (s severalErrors) Error() string {
	texts := make([]string, len(s))
	for i, err := range s {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns all of them, for errors.Is.
func (s severalErrors) Unwrap() []error { return s }
