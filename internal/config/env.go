package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

const envPrefix = "PARLEY_"

// environment turns NAME=value lines into a map; the last of a name wins.
func environment(environ []string) map[string]string {
	all := make(map[string]string, len(environ))
	for _, line := range environ {
		if name, value, ok := strings.Cut(line, "="); ok {
			all[name] = value
		}
	}
	return all
}

// envName returns the variable that overrides a dotted key.
func envName(key string) string {
	key = strings.NewReplacer("[", ".", "]", "").Replace(key)
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "__"))
}

// readEnvironment lays the environment over the values. For each key the
// well-known name comes first, so that the PARLEY_ form wins.
func (l *loader) readEnvironment() {
	known := map[string]bool{}
	for _, leaf := range leaves("", reflect.ValueOf(l.config).Elem()) {
		l.readWellKnown(leaf, known)
		l.readPathForm(leaf, known)
	}
	l.readGenericNames(l.places[sourcesKey].Line == 0 && l.places[sourcesKey].Source != "")
	readItems(l, slackKey+".apps", &l.config.Platforms.Slack.Apps, known)
	readItems(l, feishuKey+".apps", &l.config.Platforms.Feishu.Apps, known)
	readItems(l, sourcesKey, &l.config.Platforms.Generic.Sources, known)
	readNamed(l, providersKey, l.config.AI.Providers, known)
	readNamed(l, serversKey, l.config.AI.Tools.MCP, known)
	l.warnOfStrangers(known)
}

// readWellKnown applies a variable that other programs know too. Compose files
// pass such names on empty, so an empty one counts as not set.
func (l *loader) readWellKnown(one leaf, known map[string]bool) {
	name := one.tag.Get("env")
	if name == "" {
		return
	}
	known[name], known[name+"_FILE"] = true, true
	if value, place, ok := l.lookup(name, one.key); ok && value != "" {
		l.set(one, value, place)
	}
}

func (l *loader) readPathForm(one leaf, known map[string]bool) {
	name := envName(one.key)
	known[name], known[name+"_FILE"] = true, true
	if value, place, ok := l.lookup(name, one.key); ok {
		l.set(one, value, place)
	}
}

// lookup returns the value of NAME, or what is in the file that NAME_FILE names.
func (l *loader) lookup(name, key string) (value string, place Place, ok bool) {
	value, ok = l.environment[name]
	place = Place{Source: name}
	file := l.environment[name+"_FILE"]
	if file == "" {
		return value, place, ok
	}
	place.Source = name + "_FILE"
	if value != "" {
		l.fault(place, key, "%s is also set; keep only one", name)
		return "", place, false
	}
	text, err := l.ReadFile(l.path(file))
	if err != nil {
		l.fault(place, key, "the file %s cannot be read: %s", quote(file), cause(err))
		return "", place, false
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), place, true
}

// set puts a text from the environment or a flag into a key, in place of what
// the file says there.
func (l *loader) set(one leaf, text string, place Place) {
	before := func(key string) bool { return key == one.key || strings.HasPrefix(key, one.key+"[") }
	maps.DeleteFunc(l.places, func(key string, _ Place) bool { return before(key) })
	l.faults = slices.DeleteFunc(l.faults, func(f Fault) bool { return f.ofValue && before(f.Key) })
	l.places[one.key] = place
	s := l.schemaAt(one.key)
	var value any
	switch {
	case isType(s, "array") && isType(s.Items2020, "string") && !strings.HasPrefix(strings.TrimSpace(text), "["):
		value = commaList(text)
	case isType(s, "array"), isType(s, "object"):
		value = l.decodeFlow(place, one.key, text, s)
	default:
		value = typed(s, text)
	}
	l.take(one.key, s, value, one.value)
}

func commaList(text string) []any {
	list := []any{}
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// override sets a key by its dotted path.
func (l *loader) override(key, text string, place Place) {
	all := leaves("", reflect.ValueOf(l.config).Elem())
	i := slices.IndexFunc(all, func(one leaf) bool { return one.key == key })
	if i < 0 {
		l.fault(place, key, "unknown key; %s", suggest(key, Keys()))
		return
	}
	l.set(all[i], text, place)
}

// readItems applies what names one key of one item of a list:
// PARLEY_PLATFORMS__GENERIC__SOURCES__0__SECRET.
func readItems[T any](l *loader, list string, items *[]T, known map[string]bool) {
	for i := 0; ; i++ {
		prefix := fmt.Sprintf("%s[%d]", list, i)
		if !l.anyVariable(envName(prefix) + "__") {
			if i >= len(*items) {
				return
			}
			continue
		}
		if i >= len(*items) {
			*items = append(*items, *new(T))
		}
		for _, one := range leaves(prefix, reflect.ValueOf(&(*items)[i]).Elem()) {
			l.readPathForm(one, known)
		}
	}
}

// readNamed takes the variables of each section of a map, of those too that the file
// does not have: PARLEY_AI__PROVIDERS__NAME__API_KEY, whose name is in small letters.
func readNamed[T any](l *loader, key string, sections map[string]T, known map[string]bool) {
	prefix := envName(key) + "__"
	names := slices.Collect(maps.Keys(sections))
	for variable := range l.environment {
		name, _, ok := strings.Cut(strings.TrimPrefix(variable, prefix), "__")
		if !ok || !strings.HasPrefix(variable, prefix) ||
			slices.ContainsFunc(names, func(have string) bool { return strings.EqualFold(have, name) }) {
			continue
		}
		names = append(names, strings.ToLower(name))
	}
	for _, name := range names {
		section := sections[name]
		for _, one := range leaves(join(key, name), reflect.ValueOf(&section).Elem()) {
			l.readPathForm(one, known)
		}
		sections[name] = section
	}
}

func (l *loader) anyVariable(prefix string) bool {
	for name := range l.environment {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// readGenericNames applies GENERIC_WEBHOOK_SECRET and GENERIC_CALLBACK_URL to
// the source named generic, or to the only one. A list that came from the
// environment itself is only filled up, since the PARLEY_ form wins.
func (l *loader) readGenericNames(listFromEnv bool) {
	sources := &l.config.Platforms.Generic.Sources
	for _, f := range fieldsOf(reflect.ValueOf(&Source{}).Elem()) {
		name := f.tag.Get("env")
		if name == "" {
			continue
		}
		value, place, ok := l.lookup(name, sourcesKey)
		if !ok || value == "" {
			continue
		}
		i := l.wellKnownSource()
		if i < 0 {
			l.fault(place, sourcesKey, "does not say which of the %d sources it is for; set %s__0__%s instead", len(*sources), envName(sourcesKey), strings.ToUpper(f.name))
			continue
		}
		key := fmt.Sprintf("%s[%d]", sourcesKey, i)
		target, _ := fieldsOf(reflect.ValueOf(&(*sources)[i]).Elem()).find(f.name)
		if !listFromEnv || target.value.IsZero() {
			l.set(leaf{join(key, f.name), target}, value, place)
		}
	}
}

// wellKnownSource returns the index of the source that GENERIC_… variables
// mean, making one where there is none, or -1 when that is not clear.
func (l *loader) wellKnownSource() int {
	sources := &l.config.Platforms.Generic.Sources
	if i := slices.IndexFunc(*sources, func(s Source) bool { return s.Name == defaultSource }); i >= 0 {
		return i
	}
	switch len(*sources) {
	case 0:
		*sources = append(*sources, Source{Name: defaultSource})
		return 0
	case 1:
		return 0
	}
	return -1
}
