package e2e_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// desk is a server of tools with one tool, which appends a line to a file. It is as
// plain as the protocol lets it be.
func desk(in io.Reader, out io.Writer, notes string) error {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var r struct {
			ID     json.RawMessage
			Method string
			Params struct {
				Arguments struct{ Text string }
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return err
		}
		if len(r.ID) == 0 { // it wants no answer
			continue
		}
		if err := deskAnswer(out, r.ID, r.Method, notes, r.Params.Arguments.Text); err != nil {
			return err
		}
	}
	return nil
}

func deskAnswer(out io.Writer, id json.RawMessage, method, notes, text string) (err error) {
	answer := `"error":{"code":-32601,"message":"not known"}`
	switch method {
	case "initialize":
		answer = `"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"desk","version":"1"}}`
	case "tools/list":
		answer = `"result":{"tools":[{"name":"note","description":"Notes a text","annotations":{"readOnlyHint":true},
			"inputSchema":{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}}]}`
	case "tools/call":
		answer = `"result":{"content":[{"type":"text","text":"noted"}]}`
		err = appendLine(notes, text)
	}
	if err != nil {
		return err
	}
	var line []byte
	if line, err = json.Marshal(json.RawMessage(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,%s}`, id, answer))); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n", line)
	return err
}

func appendLine(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, text)
	return errors.Join(err, f.Close())
}

// runDesk is a desk as a program: its arguments are the file, and for one that stays
// when its input has ended an address that it holds a connection to as long as it lives.
func runDesk(args []string) error {
	if len(args) == 1 {
		return desk(os.Stdin, os.Stdout, args[0])
	}
	conn, err := net.Dial("tcp", args[1])
	if err != nil {
		return err
	}
	_ = desk(os.Stdin, os.Stdout, args[0])
	_, err = io.Copy(io.Discard, conn)
	return err
}

// deskProgram returns the program that is a desk.
func deskProgram(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), deskName)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// noted is what stands in a desk's file.
func noted(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// deskName is what a link to this test binary is called to be a desk.
const deskName = "desk"
