package config

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// warnOfStrangers notes each PARLEY_ variable that is near a key and none.
// Others have names of that kind too, so a stranger is no fault: Kubernetes
// tells every pod of a service named parley with PARLEY_PORT and its like.
func (l *loader) warnOfStrangers(known map[string]bool) {
	names := append(allEnvNames(), slices.Sorted(maps.Keys(known))...)
	names = slices.DeleteFunc(names, func(name string) bool {
		return !strings.HasPrefix(name, envPrefix) || strings.HasSuffix(name, "_FILE")
	})
	for _, name := range slices.Sorted(maps.Keys(l.environment)) {
		if !strings.HasPrefix(name, envPrefix) || known[name] || fromKubernetes(name) {
			continue
		}
		if key := near(name, names); key != "" {
			l.config.strangers = append(l.config.strangers, fmt.Sprintf("%s has no effect; did you mean %s?", name, key))
		} else if strings.Contains(name, "__") { // nobody but us joins names so
			l.config.strangers = append(l.config.strangers, name+" has no effect: there is no such key")
		}
	}
}

// fromKubernetes recognises the variables that tell of a service:
// https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
func fromKubernetes(name string) bool {
	ok, _ := regexp.MatchString(`_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`, name)
	return ok && !strings.Contains(name, "__")
}

// near returns the variable that name was probably meant to be, "" where none
// is like it. Underscores do not count: one of two is the usual slip.
func near(name string, known []string) string {
	plain, file := strings.CutSuffix(name, "_FILE")
	slips := 1 + len(plain)/20 // letters that are wrong, missing or too many
	best, distance := lacking(plain, known), slips+1
	for _, k := range known {
		if d := editDistance(squeezed(plain), squeezed(k)); d < distance {
			best, distance = k, d
		}
	}
	if best != "" && file {
		best += "_FILE"
	}
	return best
}

// lacking returns the one variable that name is without its first parts, as
// PARLEY_DB_URL is, "" where there is none or are several.
func lacking(name string, known []string) string {
	found := ""
	for _, k := range known {
		parts := strings.Split(strings.TrimPrefix(k, envPrefix), "__")
		for i := 1; i < len(parts); i++ {
			if squeezed(envPrefix+strings.Join(parts[i:], "")) != squeezed(name) {
				continue
			}
			if found != "" && found != k {
				return ""
			}
			found = k
		}
	}
	return found
}

func squeezed(name string) string { return strings.ReplaceAll(strings.ToUpper(name), "_", "") }

// allEnvNames returns the PARLEY_ form of every key, those of the first item of
// each list included.
func allEnvNames() []string {
	keys := Keys()
	for _, list := range []struct {
		key  string
		item any
	}{{slackKey + ".apps", NamedSlackApp{}}, {feishuKey + ".apps", NamedFeishuApp{}}, {sourcesKey, Source{}}} {
		for _, one := range leaves(list.key+"[0]", reflect.ValueOf(list.item)) {
			keys = append(keys, one.key)
		}
	}
	for i, key := range keys {
		keys[i] = envName(key)
	}
	return keys
}
