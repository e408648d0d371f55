package feishu

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/parley-bot/parley/platforms/render"
)

// What is not read once more would be read as it is meant.
func TestMarkless(t *testing.T) {
	t.Parallel()
	common := render.Common()
	found := 0
	rapid.Check(t, func(t *rapid.T) {
		source := rapid.StringOfN(rapid.RuneFrom([]rune("ab1 .,;?'\"()-+=#*_~`<>[]&\\$|:/!\n\t重要，。：（）é\u0301\u3000")), 1, 24, -1).Draw(t, "source")
		for _, b := range render.Parse(source) {
			if !markless(b) {
				continue
			}
			found++
			m := markdown{text: func(s string) string { return s }, tables: maxTables}
			text := m.block(b)
			if got := common(text); !reflect.DeepEqual(got, []render.Block{b}) {
				t.Fatalf("%q is read as %+v", text, got)
			}
		}
	})
	if found == 0 {
		t.Error("there was none")
	}
}
