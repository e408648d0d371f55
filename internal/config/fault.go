package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/parley-bot/parley/internal/show"
)

// Fault is one thing that is wrong with the configuration.
type Fault struct {
	Place   Place
	Key     string // dotted path such as gateway.workers; "" when it is about no single key
	Problem string // what is wrong, and the fix

	ofValue bool // a later source may put another value in its place
}

// Place is where a value comes from.
type Place struct {
	Source string // file, or environment variable, or flag; "" = a default
	Line   int    // in a file, from 1; 0 = not in a file
	Column int    // in characters, from 1
	Text   string // the line itself, with secrets masked
}

// String returns the fault on one line: FILE:LINE: KEY: what is wrong; the fix.
func (f Fault) String() string {
	var b strings.Builder
	if f.Place.Source != "" {
		b.WriteString(f.Place.Source)
		if f.Place.Line > 0 {
			b.WriteString(":" + strconv.Itoa(f.Place.Line))
		}
		b.WriteString(": ")
	}
	if f.Key != "" {
		b.WriteString(f.Key + ": ")
	}
	b.WriteString(f.Problem)
	return oneLine(b.String())
}

// Excerpt returns the line of the file and a caret below the place, "" when
// the fault is in no file.
func (f Fault) Excerpt() string {
	p := f.Place
	if p.Line == 0 {
		return ""
	}
	number := fmt.Sprintf("%5d | ", p.Line)
	var gap strings.Builder
	for i, r := range []rune(p.Text) {
		if i >= p.Column-1 {
			break
		}
		if r != '\t' { // a tab stays one, so that the caret stands right in every tab width
			r = ' '
		}
		gap.WriteRune(r)
	}
	return number + p.Text + "\n" + strings.Repeat(" ", len(number)-2) + "| " + gap.String() + "^\n"
}

// FaultErrors is everything that is wrong, in the order of the file; it is never
// empty when it is an error.
type FaultErrors []Fault

// Error returns all faults, one a line.
func (fs FaultErrors) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s)
}

// maskLine hides what follows a key that may hold a secret.
func maskLine(line string) string {
	const keys = `secret|token|key|password|url|endpoint`
	secret := regexp.MustCompile(`(?i)((?:` + keys + `)["']?\s*:\s*)[^\s#].*`)
	return secret.ReplaceAllString(strings.TrimRight(line, "\r"), "${1}"+show.Mask)
}
