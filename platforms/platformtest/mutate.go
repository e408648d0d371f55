package platformtest

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// Mutate changes one thing in a copy of a JSON value, as platforms do that are not
// as documented, and says where: /event/user, and /blocks/* for an element of a list.
func Mutate(rng *rand.Rand, v any) (changed any, where string) { return mutate(rng, v, "") }

func mutate(rng *rand.Rand, v any, path string) (changed any, where string) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 || path != "" && rng.IntN(4) == 0 {
			break
		}
		keys := slices.Sorted(maps.Keys(v))
		key := keys[rng.IntN(len(keys))]
		copied := maps.Clone(v)
		if rng.IntN(6) == 0 {
			delete(copied, key)
			return copied, path + "/" + key
		}
		copied[key], where = mutate(rng, v[key], path+"/"+key)
		return copied, where
	case []any:
		if len(v) == 0 || rng.IntN(3) == 0 {
			break
		}
		i := rng.IntN(len(v))
		copied := slices.Clone(v)
		copied[i], where = mutate(rng, v[i], path+"/*")
		return copied, where
	}
	return odd()[rng.IntN(len(odd()))], path
}

// odd is what stands where something else is expected.
func odd() []any {
	return []any{
		nil, true, 7, -1.5, 1e300, "", "x", "\x00", strings.Repeat("long", 100),
		[]any{},
		[]any{nil, 1, "x", map[string]any{"id": 3}},
		map[string]any{},
		map[string]any{"id": "X1", "text": 5},
		[][]any{{nil}},
	}
}
