package message

import (
	"errors"
	"fmt"

	"github.com/parley-bot/parley/internal/failure"
)

// The errors of conversations; match them with errors.Is. They come wrapped,
// with the id or the field in the text and a kind of package failure.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("already exists")
	ErrInvalid  = errors.New("invalid")
)

// Invalidf returns an [ErrInvalid] that says what is wrong.
func Invalidf(format string, args ...any) error {
	return failure.New(failure.Invalid, "invalid", fmt.Sprintf(format, args...), ErrInvalid)
}
