package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/invopop/jsonschema"
)

var update = flag.Bool("update", false, "write the generated files anew")

// TestSchema holds schema.json to the struct and its comments.
func TestSchema(t *testing.T) {
	t.Parallel()
	r := &jsonschema.Reflector{
		FieldNameTag: "yaml", DoNotReference: true, Mapper: schemaOf, RequiredFromJSONSchemaTags: true,
	}
	if err := r.AddGoComments("github.com/parley-bot/parley/internal/config", "."); err != nil {
		t.Fatal(err)
	}
	s := r.Reflect(&Config{})
	s.ID, s.Title = "", "Parley configuration"
	withDefaults(s, reflect.ValueOf(Default()).Elem())
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("schema.json", text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(Schema(), text.Bytes()) {
		t.Error("schema.json is not what the struct says; run: go test ./internal/config -run TestSchema -update")
	}
}

// schemaOf describes the types that have a spelling of their own.
func schemaOf(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[Toggle]():
		return &jsonschema.Schema{Enum: []any{"auto", true, false}}
	case reflect.TypeFor[Size]():
		return &jsonschema.Schema{Title: "a size such as 512KB, 1MiB or a number of bytes, and more than 0", OneOf: []*jsonschema.Schema{
			{Type: "integer", Minimum: "1"},
			{Type: "string", Pattern: `^\s*\+?0*[1-9][0-9]*\s*(([kKmMgG][iI]?)?[bB])?\s*$`},
		}}
	case reflect.TypeFor[time.Duration]():
		return &jsonschema.Schema{
			Type: "string", Title: "a duration with its unit, such as 30s or 2m",
			Pattern: `^\s*\+?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)\s*$`,
		}
	case reflect.TypeFor[Secret]():
		return &jsonschema.Schema{Type: "string", WriteOnly: true}
	case reflect.TypeFor[URL]():
		return &jsonschema.Schema{Type: "string", WriteOnly: true, Format: "http-address"}
	case reflect.TypeFor[DatabaseURL]():
		return &jsonschema.Schema{Type: "string", WriteOnly: true, Format: "database-address"}
	}
	return nil
}

// withDefaults writes the default of every key into the schema.
func withDefaults(s *jsonschema.Schema, section reflect.Value) {
	for _, f := range fieldsOf(section) {
		property, _ := s.Properties.Get(f.name)
		if f.value.Kind() == reflect.Struct {
			withDefaults(property, f.value)
			continue
		}
		var plain any
		text, _ := yaml.Marshal(f.value.Interface())
		_ = yaml.Unmarshal(text, &plain)
		property.Default = plain
	}
}

// TestSchemaKnowsEveryKey checks the generated schema by what an editor needs.
func TestSchemaKnowsEveryKey(t *testing.T) {
	t.Parallel()
	if *update {
		t.Skip("the embedded schema is the one from before the update")
	}
	var s map[string]any
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	for _, key := range Keys() {
		node := s
		for name := range strings.SplitSeq(key, ".") {
			if extra, ok := node["additionalProperties"].(bool); !ok || extra {
				t.Errorf("%s: the section around it allows unknown keys", key)
			}
			properties, _ := node["properties"].(map[string]any)
			node, _ = properties[name].(map[string]any)
		}
		if node == nil {
			t.Errorf("%s is missing", key)
			continue
		}
		if d, _ := node["description"].(string); d == "" {
			t.Errorf("%s has no description", key)
		}
		if _, ok := node["default"]; !ok {
			t.Errorf("%s has no default; has %v", key, slices.Sorted(maps.Keys(node)))
		}
	}
}

// TestFormatsAreKnown holds each format in schema.json to being checked: the
// library passes over a name that it does not know.
func TestFormatsAreKnown(t *testing.T) {
	t.Parallel()
	named := map[string]bool{}
	for _, match := range regexp.MustCompile(`"format": "([^"]+)"`).FindAllSubmatch(Schema(), -1) {
		named[string(match[1])] = true
	}
	if got, want := slices.Sorted(maps.Keys(named)), slices.Sorted(maps.Keys(formats())); !slices.Equal(got, want) {
		t.Errorf("schema.json names the formats %q, and these are checked: %q", got, want)
	}
}
