package upgrade_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// change is an answer that the contract has changed since the version before.
type change struct {
	what *regexp.Regexp // the answer's name
	why  string         // the contract
	// now makes what it was into what it is. Where that cannot be told from the
	// answer itself, it takes out what has changed, and same does so with the new one.
	now, same func(answer string) string
}

// changes are all of them.
func changes() []change {
	counts := without(`Tokens used by you: \d+`)
	tries := without(`"attempts":\d+`)
	ledger := without(`[^\d,]+`) // the counts stay
	authors := without(`(?m)\] [A-Z][A-Za-z0-9]*:`)
	return []change{
		{
			regexp.MustCompile(` /tokens | /history `),
			"a person's tokens are those that models reported, in private and groups together (contract 2, 6 and 10)",
			counts, counts,
		},
		{
			regexp.MustCompile(`^events list|/api/v1/events`),
			"attempts counts every try, the one that worked too (contract 8)",
			tries, tries,
		},
		{
			regexp.MustCompile(`/api/v1/usage`),
			"what came from a cache, and what it cost, is there too (contract 10)",
			as, without(`,"cached_tokens":0,"cost":null`),
		},
		{
			regexp.MustCompile(` /forget-me of `),
			"says it in other words (contract 6)",
			ledger, ledger,
		},
		{
			regexp.MustCompile(` /export `),
			"JSON without blanks (contract 6: whole, and bounded)",
			compact, compact,
		},
		{
			regexp.MustCompile(`^room .* /history `),
			"in a room others are named in /history, not called You (contract 6)",
			authors, authors,
		},
		{
			regexp.MustCompile(`^room .*, prompt$`),
			"in a room's prompt the author's name is quoted, with the id; a private chat has one author (contract 4)",
			strings.NewReplacer(
				"user: ALICE: what did I say?\n", "user: what did I say?\n", "user: ALICE: ", `user: "ALICE" (alice): `, "user: BOB: ", `user: "BOB" (bob): `,
				"user: slack:group:U1: ", `user: "U1" (U1): `, "user: slack:group:U2: ", `user: "U2" (U2): `).Replace, as,
		},
	}
}

// without takes out whatever matches.
func without(pattern string) func(string) string {
	return func(answer string) string { return regexp.MustCompile(pattern).ReplaceAllString(answer, "") }
}

// compact takes the blanks out of JSON.
func compact(answer string) string {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(answer)); err != nil {
		return answer
	}
	return b.String()
}

// as leaves an answer as it is.
func as(answer string) string { return answer }

func sorted(a, b map[string]string) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}
