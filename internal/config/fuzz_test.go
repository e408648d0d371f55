package config

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/show"
)

// FuzzLoad holds that any file gives a configuration that prints and reads
// back, or faults of one line each; never a panic.
func FuzzLoad(f *testing.F) {
	example, err := os.ReadFile("../../config.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(example), "", "a: [", "? {a: b}\n: c", "server: &a {listen: *a}", "ai: !!str x", "ai: {personas: {\"a\\nb\": \"${X}\"}}",
		"gateway: {workers: .inf}", "\ufeff", "scheduler: {cleanup: 'TZ=x\t1 2 3 4'}", "<<: *x", "ai: |\n  x", "- - - -", "a: b: c",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Load(LoadOptions{ReadFile: func(string) ([]byte, error) { return text, nil }})
		if err != nil {
			checkFaults(t, err)
			return
		}
		var printed bytes.Buffer
		if err := c.Print(&printed); err != nil {
			t.Fatal(err)
		}
		if hasSecret(c) || strings.Contains(printed.String(), "$") {
			return // masked or escaped, so it does not read back as it is
		}
		again, err := Load(LoadOptions{ReadFile: func(string) ([]byte, error) { return printed.Bytes(), nil }})
		if err != nil {
			t.Fatalf("%v in\n%s", err, printed.String())
		}
		if !reflect.DeepEqual(again, c) {
			t.Errorf("got %+v\nwant %+v", again, c)
		}
	})
}

func checkFaults(t *testing.T, err error) {
	t.Helper()
	faults, ok := errors.AsType[FaultErrors](err)
	if !ok || len(faults) == 0 {
		t.Fatalf("got %T %v", err, err)
	}
	for _, f := range faults {
		if line := f.String(); line == "" || strings.ContainsAny(line, "\r\n") {
			t.Errorf("not one line: %q", line)
		}
		if n := strings.Count(f.Excerpt(), "\n"); n != 0 && n != 2 {
			t.Errorf("not a line and a caret: %q", f.Excerpt())
		}
	}
}

func hasSecret(c *Config) bool {
	var printed bytes.Buffer
	_ = c.Print(&printed)
	return strings.Contains(printed.String(), show.Mask)
}
