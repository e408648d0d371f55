package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/parley-bot/parley/conversation/message"
)

// Progress is told now and then how much of some work is done, in units of
// that work's own; total is 0 where it is not known. It must be quick.
type Progress func(done, total int64)

// Report calls p where there is one.
func (p Progress) Report(done, total int64) {
	if p != nil {
		p(done, total)
	}
}

// Source is an export file, which is read more than once.
type Source struct {
	At   io.ReaderAt
	Size int64 // in bytes
}

// Visitor is given the pieces of an export file in the order of the file. An
// error of it ends the scan.
type Visitor struct {
	Head func(*message.Conversation) error
	// Message is called with the messages, counted from 0. What it is given is only
	// valid until it returns.
	Message func(i int, m *message.Whole) error
	Read    func(bytes int64) // nil, or told now and then how much has been read
}

// reportEvery is after how many messages a visitor is told how much was read.
const reportEvery = 128

// maxPiece bounds how much of a file is in memory: one message, or another of
// its values.
const maxPiece = 16 << 20

// errLarge is the end of a piece that is larger.
var errLarge = errors.New("too large")

// pieces gives a decoder no more than one piece beyond what it has used.
type pieces struct {
	from       io.Reader
	read, upTo int64
}

// Read implements io.Reader.
func (p *pieces) Read(b []byte) (int, error) {
	if p.read >= p.upTo {
		return 0, errLarge
	}
	n, err := p.from.Read(b[:min(int64(len(b)), p.upTo-p.read)])
	p.read += int64(n)
	return n, err
}

// Scan reads an export file with no more than one message in memory. An error
// names the place: a line of the file, or a field such as messages[3].tokens.
func (s Source) Scan(v Visitor) error {
	begin := s.begin()
	from := &pieces{from: io.NewSectionReader(s.At, begin, s.Size-begin)}
	c := scanner{Visitor: v, src: s, begin: begin, from: from, dec: json.NewDecoder(from)}
	return c.file()
}

// begin returns where the JSON starts: after the byte order mark that some editors write.
func (s Source) begin() int64 {
	mark := make([]byte, 3)
	if n, _ := s.At.ReadAt(mark, 0); string(mark[:n]) == "\xef\xbb\xbf" {
		return 3
	}
	return 0
}

// scanner is a scan under way.
type scanner struct {
	Visitor

	src   Source
	begin int64
	from  *pieces
	dec   *json.Decoder
	last  int64 // where dec stood before the piece that it reads now
}

func (c *scanner) file() error {
	if err := c.open('{', "it"); err != nil {
		return err
	}
	seen := map[string]bool{}
	for {
		t, err := c.token()
		if err != nil {
			return err
		}
		name, ok := t.(string)
		if !ok { // the closing brace
			break
		}
		if seen[name] {
			return message.Invalidf("%q appears twice", name)
		}
		there, err := c.member(name)
		if err != nil {
			return err
		}
		if there {
			seen[name] = true
		}
	}
	if !seen["conversation"] || !seen["messages"] {
		return errNoExport()
	}
	return c.end()
}

// errNoExport is returned for JSON of another program.
func errNoExport() error {
	return message.Invalidf(`not a conversation export: it has no "conversation" and "messages"`)
}

// member reads what one key holds and reports whether it is of an export. A
// further key is read over: newer versions may have more of them.
func (c *scanner) member(name string) (there bool, err error) {
	if name == "messages" {
		return true, c.messages()
	}
	text, err := c.value(nil)
	if err != nil || name != "conversation" || string(text) == "null" {
		return false, err
	}
	var head message.Conversation
	if err := explain("conversation", json.Unmarshal(text, &head)); err != nil {
		return true, err
	}
	return true, c.Head(&head)
}

func (c *scanner) messages() error {
	if err := c.open('[', "messages"); err != nil {
		return err
	}
	var text json.RawMessage
	for i := 0; c.more(); i++ {
		var err error
		if text, err = c.value(text); err != nil {
			return err
		}
		var m message.Whole
		if err := explain(fmt.Sprintf("messages[%d]", i), json.Unmarshal(text, &m)); err != nil {
			return err
		}
		if err := c.Message(i, &m); err != nil {
			return err
		}
		if c.Read != nil && i%reportEvery == 0 {
			c.Read(c.dec.InputOffset())
		}
	}
	_, err := c.token() // the closing bracket
	return err
}

// open reads the bracket that what starts with.
func (c *scanner) open(bracket json.Delim, what string) error {
	t, err := c.token()
	if err != nil || t == bracket {
		return err
	}
	kind := "null"
	switch t := t.(type) {
	case json.Delim:
		kind = map[json.Delim]string{'[': "array", '{': "object"}[t]
	case string:
		kind = "string"
	case float64:
		kind = "number"
	case bool:
		kind = "bool"
	}
	return message.Invalidf("%s is a JSON %s, not what an export has here", what, kind)
}

// more reports whether the list that is being read has another value.
func (c *scanner) more() bool {
	c.piece()
	return c.dec.More()
}

// piece begins the next piece of the file.
func (c *scanner) piece() {
	c.last = c.dec.InputOffset()
	c.from.upTo = c.last + maxPiece
}

// end reports what stands behind the JSON.
func (c *scanner) end() error {
	c.piece()
	if _, err := c.dec.Token(); errors.Is(err, io.EOF) {
		return nil
	}
	return c.place(&json.SyntaxError{}, "more follows after the export")
}

func (c *scanner) token() (json.Token, error) {
	c.piece()
	t, err := c.dec.Token()
	if err != nil {
		return nil, c.place(err, err.Error())
	}
	return t, nil
}

// value reads the next value into the memory of buf.
func (c *scanner) value(buf json.RawMessage) (json.RawMessage, error) {
	c.piece()
	buf = buf[:0]
	if err := c.dec.Decode(&buf); err != nil {
		return nil, c.place(err, err.Error())
	}
	return buf, nil
}

// place says in which line and column the JSON is broken, and why. An error of
// reading the file is returned as it is.
func (c *scanner) place(err error, why string) error {
	var at int64
	if errors.Is(err, errLarge) {
		at, why = min(c.begin+c.last+1, c.src.Size), fmt.Sprintf("a message, or another value, is larger than %d MiB", maxPiece>>20)
	} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		at, why = c.src.Size, "the file ends too early"
	} else if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		at = c.src.broken(c.begin + c.last)
	} else {
		return err
	}
	line, column, err := c.src.position(at)
	if err != nil {
		return err
	}
	return message.Invalidf("line %d, column %d: %s", line, column, why)
}

// broken returns where the JSON that is read from start on is broken. The
// decoder's own offset does not count what it has read as tokens.
func (s Source) broken(start int64) int64 {
	text := make([]byte, 1)
	for ; start < s.Size; start++ {
		if _, err := s.At.ReadAt(text, start); err != nil || bytes.IndexByte([]byte(" \t\r\n,:"), text[0]) < 0 {
			break
		}
	}
	var skip json.RawMessage
	err := json.NewDecoder(io.NewSectionReader(s.At, start, min(s.Size-start, maxPiece))).Decode(&skip)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return start + syntax.Offset
	}
	return min(start+1, s.Size) // what is there is fine by itself, but not there
}

// position returns the line and column of the byte before an offset.
func (s Source) position(at int64) (line, column int, err error) {
	r, line, buf := io.NewSectionReader(s.At, 0, at), 1, make([]byte, 1<<16)
	for {
		n, err := r.Read(buf)
		line += bytes.Count(buf[:n], []byte("\n"))
		if last := bytes.LastIndexByte(buf[:n], '\n'); last >= 0 {
			column = n - last - 1
		} else {
			column += n
		}
		if errors.Is(err, io.EOF) {
			return line, column, nil
		}
		if err != nil {
			return 0, 0, err
		}
	}
}
