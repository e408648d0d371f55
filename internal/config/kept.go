package config

import (
	"os"
	"path/filepath"
	"reflect"
)

// SecretsDir is where parley setup keeps what it was told, each value in a file
// that is named as its variable.
func SecretsDir(dataDir string) string { return filepath.Join(dataDir, "secrets") }

// readKept fills in what neither file, environment nor flags say.
func (l *loader) readKept() {
	dir := SecretsDir(l.config.AI.ConversationPersistence.DataDir)
	entries, err := os.ReadDir(l.path(dir))
	if err != nil {
		return // there is none, or it is somebody else's
	}
	kept := map[string]bool{}
	for _, e := range entries {
		kept[e.Name()] = e.Type().IsRegular()
	}
	for _, one := range leaves("", reflect.ValueOf(l.config).Elem()) {
		if _, said := l.places[one.key]; said && !one.value.IsZero() || l.faulty(one.key) {
			continue
		}
		for _, name := range []string{envName(one.key), one.tag.Get("env")} {
			if kept[name] {
				l.readKeptFile(one, filepath.Join(dir, name))
				break
			}
		}
	}
}

func (l *loader) readKeptFile(one leaf, path string) {
	text, err := l.ReadFile(l.path(path))
	if err != nil {
		l.fault(Place{Source: path}, one.key, "cannot be read: %s", cause(err))
		return
	}
	l.set(one, bare(string(text)), Place{Source: path})
}
