package app

import (
	"slices"
	"testing"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/ai/mcp"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/platforms"
)

// /model offers what the configuration says, by the names that endpoints have.
func TestChatModels(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file, first string
		all         []string
	}{
		{"", "echo", []string{"echo"}},
		{"ai: {api_key: k}", "openai:gpt-4o-mini", []string{"openai:gpt-4o-mini"}},
		{"ai: {api_key: k, model: gpt-4o, fallback_models: ['gpt-4o-mini', echo, 'openai:gpt-4o']}", "openai:gpt-4o", []string{"openai:gpt-4o", "openai:gpt-4o-mini", "echo"}},
		{"ai: {api_key: k, model: gpt-4o, fallback_models: [echo], models: ['openai:gpt-4.1']}", "openai:gpt-4o", []string{"openai:gpt-4.1"}},
	} {
		first, all := chatModels(configured(t, tt.file))
		if first != tt.first || !slices.Equal(all, tt.all) {
			t.Errorf("%s\n%q of %q, want %q of %q", tt.file, first, all, tt.first, tt.all)
		}
	}
}

// What is configured of a model wins over what is built in, and a built-in price
// holds for the model's maker alone.
func TestModelInfo(t *testing.T) {
	t.Parallel()
	built := ai.KnownModel("gpt-4o-mini")
	if built.Price == nil || built.Context == 0 || !built.Vision {
		t.Fatalf("gpt-4o-mini is not known: %+v", built)
	}
	const mini = "openai:gpt-4o-mini"
	for _, tt := range []struct {
		name, file, model string
		want              func(*ai.ModelInfo)
	}{
		{"as built in", "ai: {api_key: k}", mini, func(*ai.ModelInfo) {}},
		{"elsewhere", "ai: {api_key: k, base_url: 'http://127.0.0.1:9/v1'}", mini, func(i *ai.ModelInfo) { i.Price = nil }},
		{"not configured at all", "", "other:gpt-4o-mini", func(i *ai.ModelInfo) { i.Price = nil }},
		{"context", "ai: {api_key: k, models_info: {'" + mini + "': {context: 7}}}", mini, func(i *ai.ModelInfo) { i.Context = 7 }},
		{
			"everything", "ai: {api_key: k, models_info: {'" + mini + "': {max_output: 5, vision: false, tools: false, effort: low, price: {input: 1, output: 2}}}}", mini,
			func(i *ai.ModelInfo) {
				i.MaxOutput, i.Vision, i.NoTools, i.Effort, i.Price = 5, false, true, "low", &ai.Price{Input: 1, Output: 2}
			},
		},
		{"of another model", "ai: {api_key: k, models_info: {'openai:x': {context: 7}}}", mini, func(*ai.ModelInfo) {}},
		{"unknown", "ai: {api_key: k}", "openai:nobody-knows", func(i *ai.ModelInfo) { *i = ai.ModelInfo{} }},
		{"no model", "ai: {api_key: k}", "openai:", func(i *ai.ModelInfo) { *i = ai.ModelInfo{} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := built
			tt.want(&want)
			got := modelInfo(configured(t, tt.file))(tt.model)
			if prices := [2]*ai.Price{got.Price, want.Price}; (prices[0] == nil) != (prices[1] == nil) || prices[0] != nil && *prices[0] != *prices[1] {
				t.Errorf("price %+v, want %+v", got.Price, want.Price)
			}
			got.Price, want.Price, got.Picture, want.Picture = nil, nil, nil, nil
			if got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

// Recordings are written down by who is configured for it, and by nobody else.
func TestTranscriber(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"ai: {api_key: k}":                           "",
		"ai: {api_key: k, transcription: whisper-1}": "openai:whisper-1",
	} {
		tr, err := newTranscriber(configured(t, file), ai.NewCounter(), nil, quiet())
		name := ""
		if tr != nil {
			name = tr.Name
		}
		if name != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", file, name, err, want)
		}
	}
	cfg := configured(t, "")
	for _, model := range []string{"echo", "openai:", "nobody:x"} { // refused when a configuration is read
		cfg.AI.Transcription = model
		if _, err := newTranscriber(cfg, ai.NewCounter(), nil, quiet()); err == nil {
			t.Errorf("%s writes recordings down", model)
		}
	}
}

// A server of tools gets what is configured for it, its secrets in the clear.
func TestToolServers(t *testing.T) {
	t.Parallel()
	all := servers(configured(t, `
ai:
  tools:
    mcp:
      desk: {command: [desk, --all], env: {B: two, A: one}, ask: never, read_only: [look], idempotent: [put]}
      shop: {url: "https://shop.test/mcp", headers: {Authorization: Bearer x}, ask: always, allow: [buy]}
      plain: {url: "https://plain.test/mcp"}
`))
	if len(all) != 3 {
		t.Fatalf("%+v", all)
	}
	desk, shop := all["desk"], all["shop"]
	if !slices.Equal(desk.Command, []string{"desk", "--all"}) || !slices.Equal(desk.Env, []string{"A=one", "B=two"}) || desk.Ask != mcp.Never ||
		!slices.Equal(desk.ReadOnly, []string{"look"}) || !slices.Equal(desk.Idempotent, []string{"put"}) {
		t.Errorf("%+v", desk)
	}
	if shop.URL != "https://shop.test/mcp" || shop.Headers["Authorization"] != "Bearer x" || shop.Ask != mcp.Always || !slices.Equal(shop.Allow, []string{"buy"}) {
		t.Errorf("%+v", shop)
	}
	if ask := all["plain"].Ask; ask != mcp.Auto {
		t.Errorf("it asks %v", ask)
	}
}

// An admin is one person of one tenant, unless any is said; where nobody is
// named, nobody is one.
func TestAdmins(t *testing.T) {
	t.Parallel()
	cfg := configured(t, "")
	if admins(cfg) != nil || adminOf(cfg)(&platforms.Event{Platform: "slack", Tenant: "T1", SenderID: "U1"}) {
		t.Error("somebody is an admin although nobody is named")
	}
	cfg = configured(t, "access: {admins: ['slack/T1/user:U1', 'feishu/*/user:ou_1', 'generic//user:root']}")
	for _, tt := range []struct {
		who  memory.Person
		want bool
	}{
		{memory.Person{Platform: "slack", Tenant: "T1", SenderID: "U1"}, true},
		{memory.Person{Platform: "slack", Tenant: "T2", SenderID: "U1"}, false},
		{memory.Person{Platform: "slack", Tenant: "T1", SenderID: "u1"}, false},
		{memory.Person{Platform: "slack.two", Tenant: "T1", SenderID: "U1"}, false},
		{memory.Person{Platform: "feishu", Tenant: "t7", SenderID: "ou_1"}, true},
		{memory.Person{Platform: "generic", SenderID: "root"}, true},
		{memory.Person{Platform: "generic", Tenant: "T1", SenderID: "root"}, false},
	} {
		e := &platforms.Event{Platform: tt.who.Platform, Tenant: tt.who.Tenant, SenderID: tt.who.SenderID}
		if admins(cfg)(tt.who) != tt.want || adminOf(cfg)(e) != tt.want {
			t.Errorf("%+v: %v, want %v", tt.who, !tt.want, tt.want)
		}
	}
}
