package archive_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/parley-bot/parley/conversation/archive"
)

func TestUntil(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	file := io.NewSectionReader(archive.Until(ctx, strings.NewReader("green tea")), 0, 9)
	text := make([]byte, 6)
	if n, err := file.Read(text); n != 6 || err != nil || string(text) != "green " {
		t.Errorf("before it ends: %q, %v", text[:n], err)
	}
	cancel()
	if n, err := file.Read(text); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("after it ended: %d bytes, %v", n, err)
	}
}
