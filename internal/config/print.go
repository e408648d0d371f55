package config

import (
	_ "embed"
	"fmt"
	"io"
	"slices"

	"github.com/goccy/go-yaml"
)

// schema is made from the struct and its comments by TestSchema with -update.
//
//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema of the configuration file.
func Schema() []byte { return slices.Clone(schema) }

// Print writes the effective configuration as YAML, secrets as ***.
func (c *Config) Print(w io.Writer) error {
	text, err := yaml.MarshalWithOptions(c, yaml.IndentSequence(true), yaml.UseLiteralStyleIfMultiline(true))
	if err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	return nil
}
