package config

import (
	"reflect"
	"slices"
	"strings"
)

const (
	slackKey     = "platforms.slack"
	feishuKey    = "platforms.feishu"
	sourcesKey   = "platforms.generic.sources"
	providersKey = "ai.providers"
	serversKey   = "ai.tools.mcp"
)

// field is one key of a section.
type field struct {
	name  string
	value reflect.Value
	tag   reflect.StructTag
}

type fieldList []field

// fieldsOf returns the keys of a section, in the order of the struct.
func fieldsOf(section reflect.Value) fieldList {
	var list fieldList
	for i := range section.NumField() {
		f := section.Type().Field(i)
		if f.Anonymous {
			list = append(list, fieldsOf(section.Field(i))...)
			continue
		}
		if name := f.Tag.Get("yaml"); name != "" {
			list = append(list, field{name: name, value: section.Field(i), tag: f.Tag})
		}
	}
	return list
}

func (l fieldList) find(name string) (field, bool) {
	i := slices.IndexFunc(l, func(f field) bool { return f.name == name })
	if i < 0 {
		return field{}, false
	}
	return l[i], true
}

// leaf is one key that holds a value, with its dotted path.
type leaf struct {
	key string
	field
}

// leaves returns every key of the section that holds a value, in order.
func leaves(prefix string, section reflect.Value) []leaf {
	var list []leaf
	for _, f := range fieldsOf(section) {
		key := join(prefix, f.name)
		if f.value.Kind() == reflect.Struct {
			list = append(list, leaves(key, f.value)...)
			continue
		}
		list = append(list, leaf{key, f})
	}
	return list
}

// Keys returns the dotted path of every key that holds a value.
func Keys() []string {
	var keys []string
	for _, l := range leaves("", reflect.ValueOf(Default()).Elem()) {
		keys = append(keys, l.key)
	}
	return keys
}

// suggest names the nearest of the known names, or all of them.
func suggest(name string, known []string) string {
	best, distance := "", len(name)/2+1
	for _, k := range known {
		if d := editDistance(strings.ToLower(name), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	if best != "" {
		return "did you mean " + best + "?"
	}
	return "known keys: " + strings.Join(known, ", ")
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
