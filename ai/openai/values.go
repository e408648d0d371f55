package openai

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// errDone ends the reading: the endpoint has said that nothing more comes.
var errDone = errors.New("the end of the stream")

// values hands each JSON value of a body to take, up to its first error. What
// frames them is known by how the body begins, not by what was asked for or by
// its content type: an event stream, or values one after another.
// [DONE] is errDone.
func values(body io.Reader, take func(event string, value []byte) error) error {
	r := bufio.NewReader(body)
	for {
		first, err := r.Peek(1)
		switch {
		case err != nil:
			return atEnd(err)
		case first[0] == '{' || first[0] == '[':
			return jsonValues(r, take)
		case !bytes.Contains([]byte(" \t\r\n\xef\xbb\xbf"), first):
			return eventValues(r, take)
		}
		_, _ = r.Discard(1)
	}
}

func atEnd(err error) error {
	if errors.Is(err, io.EOF) && !errors.Is(err, errCut) {
		return nil
	}
	return err
}

// jsonValues reads one value, or one after another. What is no JSON ends them.
func jsonValues(r io.Reader, take func(string, []byte) error) error {
	d := json.NewDecoder(r)
	for n := 0; ; n++ {
		var value json.RawMessage
		err := d.Decode(&value)
		var syntax *json.SyntaxError
		switch {
		case errors.As(err, &syntax) && n > 0:
			return nil
		case err != nil:
			return atEnd(err)
		}
		if err := take("", value); err != nil {
			return err
		}
	}
}

// eventValues reads an event stream (https://html.spec.whatwg.org/multipage/server-sent-events.html),
// also one without blank lines between its events.
func eventValues(r *bufio.Reader, take func(string, []byte) error) error {
	var event string
	var data []byte
	flush := func() error {
		value := bytes.TrimSpace(data)
		data = nil
		switch {
		case len(value) == 0:
			return nil
		case bytes.Equal(value, []byte("[DONE]")):
			return errDone
		case !json.Valid(value):
			return fmt.Errorf("%w: an event that is no JSON", errProtocol)
		}
		return take(event, value)
	}
	for {
		line, readErr := r.ReadBytes('\n')
		line = bytes.TrimRight(line, "\r\n")
		name, value, _ := bytes.Cut(line, []byte(":"))
		var err error
		switch {
		case len(line) == 0:
			err = flush()
			event = ""
		case string(name) == "event":
			event = string(bytes.TrimSpace(value))
		case string(name) == "data":
			data = append(append(data, bytes.TrimPrefix(value, []byte(" "))...), '\n')
			if whole := bytes.TrimSpace(data); bytes.Equal(whole, []byte("[DONE]")) || json.Valid(whole) {
				err = flush()
			}
		}
		switch {
		case err != nil:
			return err
		case readErr != nil && atEnd(readErr) == nil:
			return flush()
		case readErr != nil:
			return readErr
		}
	}
}
