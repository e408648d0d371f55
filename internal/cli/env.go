package cli

import (
	"cmp"
	"strings"

	"github.com/parley-bot/parley/platforms"
)

// env returns a variable of the environment the program was given, the last of its name.
func (p *program) env(name string) string {
	value := ""
	for _, line := range p.environ {
		if v, ok := strings.CutPrefix(line, name+"="); ok {
			value = v
		}
	}
	return value
}

// locale returns the locale that the environment names for messages as a BCP 47
// tag, "" when it names no language.
// Source: https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html
func (p *program) locale() string {
	name := cmp.Or(p.env("LC_ALL"), p.env("LC_MESSAGES"), p.env("LANG"))
	if i := strings.IndexAny(name, ".@"); i >= 0 { // charset and modifier: de_DE.UTF-8@euro
		name = name[:i]
	}
	if name == "POSIX" { // like C, which is too short for a language
		return ""
	}
	tag, _ := platforms.ParseLocale(name)
	return tag
}
