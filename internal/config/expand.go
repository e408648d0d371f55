package config

import (
	"errors"
	"fmt"
	"strings"
)

// expand replaces ${VAR} and ${VAR:-default} in text; $$ stands for one $.
// A $ before anything else is itself, so that a password may hold one.
func expand(text string, environment map[string]string) (string, error) {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(text, "$")
		b.WriteString(before)
		switch {
		case !ok:
			return b.String(), nil
		case strings.HasPrefix(after, "$"):
			b.WriteByte('$')
			text = after[1:]
		case strings.HasPrefix(after, "{"):
			body, rest, closed := strings.Cut(after[1:], "}")
			if !closed {
				return "", errors.New("${ without }; write $$ for a literal $")
			}
			value, err := variable(body, environment)
			if err != nil {
				return "", err
			}
			b.WriteString(value)
			text = rest
		default:
			b.WriteByte('$')
			text = after
		}
	}
}

// variable returns the value of VAR or VAR:-default.
func variable(body string, environment map[string]string) (string, error) {
	name, fallback, hasFallback := strings.Cut(body, ":-")
	if !variableName(name) {
		return "", fmt.Errorf("%s is not a variable name; write ${NAME} or ${NAME:-default}, and $${ for a literal ${", quote(name))
	}
	value, set := environment[name]
	switch {
	case hasFallback && value == "":
		return fallback, nil
	case !set:
		return "", fmt.Errorf("the environment variable %s is not set; set it, or write ${%s:-default}", name, name)
	}
	return value, nil
}

func variableName(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}
