package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// compiled returns schema.json ready to check by. Compiling takes 4 ms.
var compiled = sync.OnceValues(compile) //nolint:gochecknoglobals // never changes

// compile makes schema.json into what values are checked by.
func compile() (*jsonschema.Schema, error) {
	const name = "parley:///schema.json"
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, fmt.Errorf("schema.json: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for name, check := range formats() {
		c.RegisterFormat(&jsonschema.Format{Name: name, Validate: func(value any) error {
			if text, ok := value.(string); ok && text != "" { // minLength says where there must be one
				return check(text)
			}
			return nil
		}})
	}
	if err := c.AddResource(name, document); err != nil {
		return nil, fmt.Errorf("schema.json: %w", err)
	}
	return c.Compile(name)
}

// conform notes every way in which value is not what s says about key.
func (l *loader) conform(key string, s *jsonschema.Schema, value any) {
	invalid, ok := errors.AsType[*jsonschema.ValidationError](s.Validate(value))
	if !ok {
		return
	}
	for _, one := range causes(invalid) {
		key, s, got := locate(key, s, value, one.InstanceLocation)
		if extra, ok := one.ErrorKind.(*kind.AdditionalProperties); ok {
			for _, name := range slices.Sorted(slices.Values(extra.Properties)) {
				path := join(key, name)
				l.fault(l.placeOf(path), path, "unknown key; %s", suggest(name, slices.Sorted(maps.Keys(s.Properties))))
			}
			continue
		}
		if !l.faulty(key) {
			l.fault(l.placeOf(key), key, "%s", sentence(s, one.ErrorKind, got))
			l.faults[len(l.faults)-1].ofValue = true
		}
	}
}

// causes returns the single faults in e, in an order that does not change.
func causes(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	switch e.ErrorKind.(type) {
	case *kind.Schema, *kind.Group:
	default:
		return []*jsonschema.ValidationError{e}
	}
	var list []*jsonschema.ValidationError
	for _, cause := range e.Causes {
		list = append(list, causes(cause)...)
	}
	slices.SortStableFunc(list, func(a, b *jsonschema.ValidationError) int {
		return slices.Compare(a.InstanceLocation, b.InstanceLocation)
	})
	return list
}

// locate goes from key and its value along a path into the value.
func locate(key string, s *jsonschema.Schema, value any, path []string) (string, *jsonschema.Schema, any) {
	for _, name := range path {
		if list, ok := value.([]any); ok {
			i, _ := strconv.Atoi(name)
			key, s, value = fmt.Sprintf("%s[%d]", key, i), items(s), list[i]
			continue
		}
		section, _ := value.(map[string]any)
		key, s, value = join(key, name), child(s, name), section[name]
	}
	return key, s, value
}

// child returns the schema of a key in the mapping that s describes, nil for an unknown one.
func child(s *jsonschema.Schema, name string) *jsonschema.Schema {
	if known, ok := s.Properties[name]; ok {
		return known
	}
	if free, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
		return free
	}
	if isAnything(s) || isType(s, "object") && len(s.Properties) == 0 && s.AdditionalProperties == nil {
		return anything()
	}
	return nil
}

// schemaAt returns the schema of a dotted key.
func (l *loader) schemaAt(key string) *jsonschema.Schema {
	s := l.schema
	for name := range strings.SplitSeq(key, ".") {
		name, _, item := strings.Cut(name, "[")
		if s = child(s, name); item {
			s = s.Items2020
		}
	}
	return s
}

// anything is the schema of a value that the configuration only hands on.
func anything() *jsonschema.Schema { return &jsonschema.Schema{Comment: "anything"} }

func isAnything(s *jsonschema.Schema) bool { return s.Comment == anything().Comment }

// items returns the schema of what a list holds, nil for none.
func items(s *jsonschema.Schema) *jsonschema.Schema {
	if isAnything(s) {
		return s
	}
	return s.Items2020
}

func isType(s *jsonschema.Schema, name string) bool {
	return s.Types != nil && slices.Equal(s.Types.ToStrings(), []string{name})
}

// sentence says what would be right instead of the value got: where neither the
// kind of fault nor a format does, the title of the schema.
func sentence(s *jsonschema.Schema, fault jsonschema.ErrorKind, got any) string {
	right := s.Title
	switch k := fault.(type) {
	case *kind.Format:
		if right == "" {
			return k.Err.Error()
		}
	case *kind.MinLength:
		return "must not be empty"
	case *kind.Enum:
		right = "one of " + strings.Trim(strings.ReplaceAll(fmt.Sprint(k.Want), " ", ", "), "[]")
	case *kind.Minimum:
		right = "at least " + k.Want.RatString()
	case *kind.Maximum:
		right = "at most " + k.Want.RatString()
	case *kind.Type:
		right = map[string]string{
			"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
			"array": "a list", "object": "a mapping (key: value)",
		}[k.Want[0]]
	}
	if text, ok := got.(string); ok && typed(s, text) != got && fmt.Sprint(typed(s, text)) == text {
		right += " without quotes"
	}
	if _, ok := got.(string); ok && s.WriteOnly {
		return "must be " + right
	}
	return "must be " + right + ", got " + seen(s, got)
}

// seen describes a value. What may hold a secret somewhere stays out of it.
func seen(s *jsonschema.Schema, value any) string {
	switch v := value.(type) {
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	case string:
		if isType(s, "object") || isType(s, "array") {
			return "a single value"
		}
		return quote(v)
	case bool, json.Number:
		return fmt.Sprint(v)
	}
	return "something else"
}
