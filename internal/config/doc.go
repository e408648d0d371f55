// Package config reads everything that an admin can set: one YAML file, the
// environment, and flags, each winning over the one before it.
//
// The struct [Config] is the one description of the configuration: its yaml tags
// are the keys, its doc comments the descriptions in schema.json, its jsonschema
// tags the allowed values, its env tags the well-known environment variables.
// schema.json is generated from it, and [Load] checks by schema.json whatever
// comes from the file, the environment or a flag. What a schema cannot say, how
// keys go together, stands in validate.go and start.go. A fault does not end the
// reading: all of them come back at once as [FaultErrors], each with its place.
//
// Secrets have a type of their own that masks itself wherever it is printed.
package config
