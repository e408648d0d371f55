package archive

import (
	"context"
	"io"
)

// Until is the file while ctx goes on. After that it returns ctx's error, so that
// whoever reads a long file need not look at ctx.
func Until(ctx context.Context, file io.ReaderAt) io.ReaderAt { return until{ctx, file} }

type until struct {
	ctx  context.Context //nolint:containedctx // it lives as long as the one call that it is made for
	file io.ReaderAt
}

// ReadAt implements io.ReaderAt.
func (u until) ReadAt(b []byte, at int64) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.file.ReadAt(b, at)
}
