package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

type scalarKind uint8

const (
	textScalar scalarKind = iota
	numberScalar
	boolScalar
)

// scalar is a single YAML value before it has met its field.
type scalar struct {
	kind scalarKind
	text string
}

// scalarOf returns the text of a node that holds a single value.
func scalarOf(node ast.Node) (scalar, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return scalar{textScalar, n.Value}, true
	case *ast.LiteralNode:
		return scalar{textScalar, n.Value.Value}, true
	case *ast.BoolNode:
		return scalar{boolScalar, strconv.FormatBool(n.Value)}, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return scalar{numberScalar, strings.TrimSpace(node.GetToken().Value)}, true
	}
	return scalar{}, false
}

// fits reports whether a value of this kind may stand in the field. Whether
// its text makes sense there is for setText to say.
func (s scalar) fits(into reflect.Value) bool {
	if _, ok := reflect.TypeAssert[encoding.TextUnmarshaler](into.Addr()); ok || isDuration(into) {
		return true
	}
	switch into.Kind() {
	case reflect.Bool:
		return s.kind == boolScalar
	case reflect.Int, reflect.Int64:
		return s.kind == numberScalar
	default:
		return s.kind != boolScalar // an id or secret may be all digits
	}
}

// shown describes the value for a fault; the text of a secret stays out of it.
func (s scalar) shown(into reflect.Value) string {
	if hidden(into) {
		return "something else"
	}
	switch s.kind {
	case boolScalar:
		return "the truth value " + s.text
	case numberScalar:
		return "the number " + s.text
	default:
		return "the text " + quote(s.text)
	}
}

// setText parses text into a field: the one way in for file, environment and flags.
func setText(into reflect.Value, text string) error {
	if hidden(into) { // nobody sees the line end that a pasted secret brought along
		text = strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' })
	}
	if u, ok := reflect.TypeAssert[encoding.TextUnmarshaler](into.Addr()); ok {
		return u.UnmarshalText([]byte(text))
	}
	if isDuration(into) {
		return setDuration(into, text)
	}
	switch into.Kind() {
	case reflect.String:
		into.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("must be true or false, got %s", quote(text))
		}
		into.SetBool(b)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if errors.Is(err, strconv.ErrRange) || err == nil && into.OverflowInt(n) {
			return fmt.Errorf("%s is too large a number", quote(text))
		}
		if err != nil {
			return fmt.Errorf("must be a whole number, got %s", quote(text))
		}
		into.SetInt(n)
	default:
		return fmt.Errorf("cannot be set from text")
	}
	return nil
}

func setDuration(into reflect.Value, text string) error {
	d, err := time.ParseDuration(strings.TrimSpace(text))
	if err != nil {
		return fmt.Errorf("must be a duration with its unit, such as 30s or 2m, got %s", quote(text))
	}
	into.SetInt(int64(d))
	return nil
}

func isDuration(v reflect.Value) bool { return v.Type() == reflect.TypeFor[time.Duration]() }

// hidden reports whether the field's value must not be quoted in an error.
func hidden(v reflect.Value) bool {
	switch v.Interface().(type) {
	case Secret, DatabaseURL, URL:
		return true
	}
	return false
}

// wants says in words what a field takes.
func wants(v reflect.Value) string {
	switch v.Interface().(type) {
	case Toggle:
		return "auto, true or false"
	case Size:
		return "a size such as 1MiB"
	case time.Duration:
		return "a duration such as 30s"
	}
	switch v.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	default:
		return "a text"
	}
}

// describe says in words what kind of node the file has.
func describe(node ast.Node) string {
	switch node.(type) {
	case ast.MapNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	}
	if _, ok := scalarOf(node); ok {
		return "a single value"
	}
	return "something else"
}
