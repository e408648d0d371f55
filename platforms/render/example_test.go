package render_test

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/parley-bot/parley/platforms/render"
)

// A platform writes its own form of a reply out of the blocks and spans.
func ExampleParse() {
	for _, block := range render.Parse("# Tea\n\nBoil **100 ml**, see [how](https://tea.example).\n\n- green\n- black") {
		switch block.Kind {
		case render.Heading:
			fmt.Println("heading", block.Level, render.Text(block.Spans))
		case render.List:
			for _, item := range block.Items {
				fmt.Println("item", render.Text(item[0].Spans))
			}
		default:
			for _, s := range block.Spans {
				fmt.Printf("%q bold=%v %q\n", s.Text, s.Style&render.Bold != 0, s.URL)
			}
		}
	}
	// Output:
	// heading 1 Tea
	// "Boil " bold=false ""
	// "100 ml" bold=true ""
	// ", see " bold=false ""
	// "how" bold=false "https://tea.example"
	// "." bold=false ""
	// item green
	// item black
}

// Each part reads well alone: a code block that does not fit is closed, and opened again.
func ExampleSplit() {
	parts := render.Split("Run this:\n\n```sh\ndate\nmake test\nmake install\n```\n", render.Limits{Size: 40, Measure: utf8.RuneCountInString})
	fmt.Println(strings.Join(parts, "\n-- next message --\n"))
	// Output:
	// Run this:
	//
	// ```sh
	// date
	// make test
	// ```
	// -- next message --
	// ```sh
	// make install
	// ```
}
