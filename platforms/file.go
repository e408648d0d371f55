package platforms

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/parley-bot/parley/internal/failure"
)

// File is what somebody has sent beside the words of a message.
type File struct {
	Name string `json:"name"`           // see [FileName]
	Type string `json:"type,omitempty"` // the media type that the platform names, or the kind that it has: "image/png", "image"; "" = it does not say
	Size int64  `json:"size,omitempty"` // in bytes, as the platform says; 0 = it does not say
	// Ref is what the adapter needs to fetch it; nobody else reads it. "" = it cannot be fetched.
	Ref string `json:"ref,omitempty"`
}

// Fetcher is a platform whose files can be read.
type Fetcher interface {
	// Fetch reads a file of e. Only the platform's own hosts are asked, no redirect
	// is followed, and what is longer than limit bytes is no content but an error
	// with the code [CodeFileTooLarge]. Errors are of kind failure.Retry or
	// Permanent, with a public sentence.
	Fetch(ctx context.Context, e Event, f File, limit int64) (Content, error)
}

// CodeFileTooLarge is the code of an error that says so.
const CodeFileTooLarge = "file_too_large"

// Content is what a file holds.
type Content struct {
	Body []byte
	Type string // the media type that came with it; "" = none
	// Transcript is what is said in a recording, where the platform knows it; Body is empty then.
	Transcript string
}

// FileTooLarge is the error for a file that has more than limit bytes.
func FileTooLarge(limit int64) error {
	return failure.New(failure.Permanent, CodeFileTooLarge, fmt.Sprintf("it has more than %d bytes", limit), nil)
}

// ReadFile reads the body of an answer that holds a file of at most limit bytes.
func ReadFile(resp *http.Response, limit int64) ([]byte, error) {
	if resp.ContentLength > limit {
		return nil, FileTooLarge(limit)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return nil, failure.New(failure.Retry, "file_cut", "it did not come whole", err)
	case int64(len(body)) > limit:
		return nil, FileTooLarge(limit)
	}
	return body, nil
}

// maxFileName bounds a file's name, in bytes.
const maxFileName = 120

// FileName returns a file's name as one line that shows what it holds, in which
// nothing stands for the end of a bracket. Of a long one the middle is left out.
func FileName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == '[' || r == ']':
			return '_'
		case r == utf8.RuneError || !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point):
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	name = strings.Join(strings.Fields(name), " ")
	if len(name) > maxFileName {
		head, tail := maxFileName/2, len(name)-maxFileName/2+len("…")
		for !utf8.RuneStart(name[head]) {
			head--
		}
		for tail < len(name) && !utf8.RuneStart(name[tail]) {
			tail++
		}
		name = name[:head] + "…" + name[tail:]
	}
	if name == "" {
		return "unnamed"
	}
	return name
}
