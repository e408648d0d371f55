package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// DefaultFile is read from the working directory when it exists and no other file is named.
const DefaultFile = "config.yaml"

// LoadOptions say where the configuration comes from.
type LoadOptions struct {
	Path     string                            // the file; "" = config.yaml in WorkDir when it exists
	Environ  []string                          // NAME=value, as of os.Environ
	Args     map[string]string                 // values from flags, by dotted key; they win
	WorkDir  string                            // what relative paths are relative to; "" = the working directory
	ReadFile func(path string) ([]byte, error) // nil: os.ReadFile
}

// Load reads file, environment and flags over the defaults. When anything is
// wrong the error is [FaultErrors] with all of it.
func Load(o LoadOptions) (*Config, error) {
	if o.ReadFile == nil {
		o.ReadFile = os.ReadFile
	}
	l, err := newLoader(o)
	if err != nil {
		return nil, err
	}
	l.readFile()
	l.readEnvironment()
	for _, key := range slices.Sorted(maps.Keys(o.Args)) {
		l.override(key, o.Args[key], Place{Source: "flag"})
	}
	l.readKept()
	l.config.normalise()
	l.validate()
	if len(l.faults) > 0 {
		slices.SortStableFunc(l.faults, func(a, b Fault) int {
			return cmp.Or(a.Place.Line-b.Place.Line, a.Place.Column-b.Place.Column)
		})
		return nil, l.faults
	}
	return l.config, nil
}

// loader collects the values, where each came from, and what is wrong.
type loader struct {
	LoadOptions
	config      *Config
	schema      *jsonschema.Schema
	environment map[string]string
	places      map[string]Place // by dotted key, of what was set
	faults      FaultErrors
}

func newLoader(o LoadOptions) (*loader, error) {
	s, err := compiled()
	return &loader{
		LoadOptions: o, config: Default(), schema: s,
		environment: environment(o.Environ), places: map[string]Place{},
	}, err
}

// fault notes a problem with key at place.
func (l *loader) fault(place Place, key, format string, args ...any) {
	l.faults = append(l.faults, Fault{Place: place, Key: key, Problem: fmt.Sprintf(format, args...)})
}

func (l *loader) faulty(key string) bool {
	return slices.ContainsFunc(l.faults, func(f Fault) bool { return f.Key == key })
}

// placeOf returns where key was set, or else the nearest section around it.
func (l *loader) placeOf(key string) Place {
	for {
		if place, ok := l.places[key]; ok {
			return place
		}
		i := strings.LastIndexAny(key, ".[")
		if i < 0 {
			return Place{}
		}
		key = key[:i]
	}
}

// path makes name relative to WorkDir.
func (l *loader) path(name string) string {
	if l.WorkDir == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(l.WorkDir, name)
}

func (l *loader) readFile() {
	name := l.Path
	if name == "" {
		name = DefaultFile
	}
	text, err := l.ReadFile(l.path(name))
	switch {
	case err == nil:
		l.decodeFile(name, text)
	case l.Path == "" && errors.Is(err, fs.ErrNotExist):
		// No file is the normal first start.
	default:
		l.fault(Place{Source: name}, "", "cannot be read: %s", cause(err))
	}
}

// cause returns the innermost reason of a file error, without the path that
// the message names already.
func cause(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return err.Error()
}

// normalise gives addresses the form that their users expect.
func (c *Config) normalise() {
	c.normaliseApps()
	for _, u := range []*URL{&c.AI.BaseURL, &c.Server.PublicURL} {
		*u = URL(strings.TrimRight(string(*u), "/"))
	}
}
