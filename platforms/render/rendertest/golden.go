package rendertest

import (
	_ "embed"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

//go:embed cases.txtar
var cases []byte

// Golden shows each case of cases.txtar and compares with the golden file,
// which it writes anew when update is set.
func Golden(t *testing.T, file string, update bool, show func(source string) string) {
	t.Helper()
	var got txtar.Archive
	for _, c := range txtar.Parse(cases).Files {
		shown := show(string(c.Data))
		if err := Shown(string(c.Data), shown); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		got.Files = append(got.Files, txtar.File{Name: c.Name, Data: []byte(shown)})
	}
	text := txtar.Format(&got)
	if update {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, f := range txtar.Parse(golden).Files {
		want[f.Name] = string(f.Data)
	}
	for _, f := range txtar.Parse(text).Files {
		if string(f.Data) != want[f.Name] {
			t.Errorf("%s (refresh with -update)\ngot  %s\nwant %s", f.Name, f.Data, want[f.Name])
		}
	}
}
