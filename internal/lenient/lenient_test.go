package lenient_test

import (
	"encoding/json"
	"testing"

	"github.com/parley-bot/parley/internal/lenient"
)

func TestText(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`"a\u00e9"`: "aé", `""`: "", `17.50`: "17.50", `-1`: "-1", `{"id":"U1","name":"x"}`: "U1", `{"id":{}}`: "", `{}`: "",
		`null`: "", `true`: "", `false`: "", `["a"]`: "",
	} {
		if got := lenient.Text([]byte(raw)); got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	var v struct {
		A, B string
		C    []struct{ D int }
	}
	if err := lenient.Decode([]byte(`{"a":1,"b":"two","c":[{"d":"x"},{"d":3}]}`), &v); err != nil || v.A != "" || v.B != "two" || len(v.C) != 2 || v.C[1].D != 3 {
		t.Errorf("%+v, %v", v, err)
	}
	if err := lenient.Decode([]byte(`{"a":`), &v); err == nil {
		t.Error("half a value is read")
	}
}

// Whatever is JSON has a text: a string that which encoding/json reads.
func FuzzText(f *testing.F) {
	for _, seed := range []string{`{"id":1}`, `"a"`, `"\u00e9"`, "\"\xff\"", `"\""`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var v json.RawMessage
		if json.Unmarshal(raw, &v) != nil {
			return
		}
		text := lenient.Text(v)
		var want string
		if v[0] == '"' && (json.Unmarshal(v, &want) != nil || text != want) {
			t.Errorf("%s: %q, want %q", v, text, want)
		}
	})
}
