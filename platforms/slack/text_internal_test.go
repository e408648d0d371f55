package slack

import (
	"reflect"
	"testing"
)

func TestReadText(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"":                                       "",
		"plain":                                  "plain",
		"  kept  ":                               "  kept  ",
		"<@B>":                                   "",
		"<@B> hi":                                "hi",
		"<@B>   hi":                              "hi",
		"<@B|parley> hi":                         "hi",
		"hi <@B>":                                "hi",
		"hey <@B> you":                           "hey you",
		"a\n<@B>\nb":                             "a\n\nb",
		"<@B> /save city  New   York":            "/save city  New   York",
		"<@U2> and <@U3|carol>":                  "@U2 and @carol",
		"<@U2|@dave>":                            "@dave",
		"<@BB> hi":                               "@BB hi",
		"in <#C1|general> or <#C2> or <#C3|>":    "in #general or #C2 or #C3",
		"<!here> <!channel|channel> <!everyone>": "@here @channel @everyone",
		"<!subteam^S1|@ops> <!subteam^S2>":       "@ops @subteam^S2",
		"<!date^1392734382^{date}|Feb 18>":       "Feb 18",
		"<https://a.example/?x=1&amp;y=2>":       "https://a.example/?x=1&y=2",
		"<http://a.example|a.example>":           "a.example",
		"<https://a.example/x|the docs>":         "the docs (https://a.example/x)",
		"<mailto:a@b.example|a@b.example>":       "a@b.example",
		"<tel:123>":                              "123",
		"1 &lt; 2 &amp;&amp; 3 &gt; 2":           "1 < 2 && 3 > 2",
		"&amp;lt;":                               "&lt;",
		"a < b":                                  "a < b",
		"a < b > c <":                            "a < b > c <",
		"<> <<@U2>> <":                           "<> <@U2> <",
		"if x<y and y>z":                         "if x<y and y>z",
	} {
		if got := readText(raw, []string{"B"}).text; got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
}

func TestMentionsKeepTheirIDs(t *testing.T) {
	t.Parallel()
	said := readText("<@B> <@U2|bob> <@U3> <@U2>", []string{"B"})
	if got := said.users(); !said.addressed || !reflect.DeepEqual(got, []string{"U2", "U3"}) {
		t.Errorf("addressed %v, users %v", said.addressed, got)
	}
	if got := said.mentions[0]; got.ID != "U2" || got.Text != "@bob" {
		t.Errorf("mention %v", got)
	}
}

// What is sent comes back as it was.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "a & b", "<@U1>", "&lt;", "&amp;lt;", "<!here>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := readText(escape(s), nil); got.text != s || got.mentions != nil {
			t.Errorf("%q became %q", s, got.text)
		}
	})
}

func TestTimestamps(t *testing.T) {
	t.Parallel()
	for _, ts := range []string{"1700000000.000100", "0.999999", "1.000000"} {
		at, ok := parseTS(ts)
		if !ok || formatTS(at) != ts {
			t.Errorf("%s: %v %v", ts, at, ok)
		}
	}
	for _, ts := range []string{"", ".", "x", "-1.0", "1.x", "99999999999999999999.0", "999999999999.0"} {
		if at, ok := parseTS(ts); ok {
			t.Errorf("%q is %v", ts, at)
		}
	}
}
