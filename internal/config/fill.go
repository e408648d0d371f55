package config

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// take checks a value of key and puts it into its field.
func (l *loader) take(key string, s *jsonschema.Schema, value any, into reflect.Value) {
	if value != nil {
		l.conform(key, s, value)
		l.fill(key, value, into)
	}
}

// typed gives a text the JSON type that s wants, where it can be read as that.
func typed(s *jsonschema.Schema, text string) any {
	trimmed := strings.TrimSpace(text)
	switch {
	case s.WriteOnly: // nobody sees the line end that a pasted secret brought along
		return bare(text)
	case isType(s, "integer"):
		if n, ok := new(big.Int).SetString(trimmed, 10); ok {
			return json.Number(n.String())
		}
	case isType(s, "number"):
		if _, err := strconv.ParseFloat(trimmed, 64); err == nil {
			return json.Number(trimmed)
		}
	case isType(s, "boolean"):
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	case s.Enum != nil && slices.Contains(s.Enum.Values, any(text == "true")) && (text == "true" || text == "false"):
		return text == "true"
	}
	return text
}

func bare(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' })
}

// fill puts a value into the field of its key. What does not go in has been
// noted already, but for a number larger than the field can hold.
func (l *loader) fill(key string, value any, into reflect.Value) {
	switch into.Kind() {
	case reflect.Pointer:
		if value == nil {
			return
		}
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	case reflect.Interface: // whatever it is
		if value != nil {
			into.Set(reflect.ValueOf(native(value)))
		}
		return
	default:
	}
	switch value := value.(type) {
	case nil:
	case map[string]any:
		l.fillKeys(key, value, into)
	case []any:
		if into.Kind() != reflect.Slice {
			return
		}
		list := reflect.MakeSlice(into.Type(), len(value), len(value))
		for i, item := range value {
			if i == 0 && key == sourcesKey {
				list.Index(0).Set(reflect.ValueOf(Source{Name: defaultSource}))
			}
			l.fill(fmt.Sprintf("%s[%d]", key, i), item, list.Index(i))
		}
		into.Set(list)
	default:
		l.check(key, setText(into, fmt.Sprint(value)))
	}
}

func (l *loader) fillKeys(key string, values map[string]any, into reflect.Value) {
	if into.Kind() == reflect.Struct {
		for _, f := range fieldsOf(into) {
			l.fill(join(key, f.name), values[f.name], f.value)
		}
	}
	if into.Kind() == reflect.Map {
		into.Set(reflect.MakeMap(into.Type()))
		for name, value := range values {
			item := reflect.New(into.Type().Elem()).Elem()
			l.fill(join(key, name), value, item)
			into.SetMapIndex(reflect.ValueOf(name), item)
		}
	}
}

// native returns a value that is only handed on with the numbers of Go.
func native(value any) any {
	switch v := value.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = native(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = native(v[name])
		}
	}
	return value
}

// setText parses a text that the schema allows into a field.
func setText(into reflect.Value, text string) error {
	if u, ok := reflect.TypeAssert[encoding.TextUnmarshaler](into.Addr()); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch {
	case into.Type() == reflect.TypeFor[time.Duration]():
		d, err := time.ParseDuration(strings.TrimSpace(text))
		into.SetInt(int64(d))
		return tooLarge(text, err)
	case into.CanInt():
		n, err := strconv.ParseInt(text, 10, 64)
		into.SetInt(n)
		return tooLarge(text, err)
	case into.CanFloat():
		f, err := strconv.ParseFloat(text, 64)
		into.SetFloat(f)
		return tooLarge(text, err)
	case into.Kind() == reflect.Bool:
		into.SetBool(text == "true")
	case into.Kind() == reflect.String:
		into.SetString(text)
	}
	return nil
}

func tooLarge(text string, err error) error {
	if err != nil {
		return fmt.Errorf("%s is too large a number", quote(text))
	}
	return nil
}
