package upgrade_test

import (
	"maps"
	"regexp"
	"slices"
)

// change is an answer that the contract has changed since the version before.
type change struct {
	what *regexp.Regexp          // of the answer's name
	why  string                  // the contract
	now  func(was string) string // what the answer is now
}

// changes are all of them.
func changes() []change {
	return []change{}
}

// mask is a form of words that the contract has changed wherever it stands, also
// in histories and exports that repeat it: both sides are compared without it.
type mask struct {
	pattern, with string
	why           string // the contract
}

// masks are all of them, in order.
func masks() []mask {
	return []mask{
		{`\[TIME\] (You|ALICE|BOB|U1|U2): `, "[TIME] SOMEBODY: ", "6: in a room others are named in /history"},
		{`\\?"(ALICE|BOB|U1|U2)\\?" \((alice|bob|U1|U2)\): `, "", `4: "NAME" (SENDER_ID): in prompts, of rooms only`},
		{`\b(ALICE|BOB|(generic|slack):group:\w+): `, "", "the same as it was before"},
		{`Tokens used (by you|in this conversation): \d+`, "Tokens used $1: N", "2, 6: a person's in all chats, as models report them, without commands"},
		{`(tokens(_per_conversation)?"?:\s*)[\d.]+`, "${1}N", "the texts above are longer or shorter"},
		{`(tokens( per conversation)?\s+)[\d.]+`, "${1}N", "likewise"},
		{`\(\d+ tokens\)`, "(N tokens)", "likewise"},
		{`(\d+ +)\d+ +(TIME)`, "${1}N $2", "likewise, in the list of conversations"},
	}
}

func changeOf(what string) *change {
	for _, c := range changes() {
		if c.what.MatchString(what) {
			return &c
		}
	}
	return nil
}

func sorted(a, b map[string]string) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}
