package cli

import "strings"

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
