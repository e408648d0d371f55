// Package config reads everything that an admin can set: one YAML file, the
// environment, and flags, each winning over the one before it.
//
// [Load] goes through the struct [Config] key by key, so the struct is the one
// description of the configuration: its yaml tags are the keys, its doc
// comments the descriptions in the JSON Schema, its jsonschema tags the allowed
// values, its env tags the well-known environment variables. A fault does not
// end the reading: all of them come back at once as [FaultErrors], each with the
// place it was found at.
//
// Secrets have a type of their own that masks itself wherever it is printed.
package config
