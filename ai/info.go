package ai

import "strings"

// ModelInfo is what is known of a model. Zero values are not known.
type ModelInfo struct {
	Context   int64        // tokens that prompt and answer may have together
	MaxOutput int64        // tokens that an answer may have
	Vision    bool         // it sees images
	NoTools   bool         // it uses no tools
	Effort    string       // how much it is asked to think; "" = nothing is asked
	Price     *Price       // nil = not known
	Picture   *PictureCost // nil = not known
}

// Price is what a million tokens cost.
type Price struct {
	Input, Cached, Written, Output float64 // Written 0 = as Input
}

// Billionths returns what a call costs, in billionths of the currency.
func (p Price) Billionths(u Usage) int64 {
	const perToken = 1e9 / 1e6
	written := p.Written
	if written == 0 {
		written = p.Input
	}
	plain := u.PromptTokens - u.CachedTokens - u.WrittenTokens
	sum := float64(plain)*p.Input + float64(u.CachedTokens)*p.Cached + float64(u.WrittenTokens)*written + float64(u.CompletionTokens)*p.Output
	return int64(sum*perToken + 0.5)
}

// discount returns how many tokens less a prompt counts for what came from a cache.
func (p Price) discount(u Usage) int64 {
	if p.Input <= 0 || p.Cached >= p.Input {
		return 0
	}
	return int64(float64(min(u.CachedTokens, u.PromptTokens)) * (1 - p.Cached/p.Input))
}

// KnownModel returns what is built in about a model, by the name that its maker
// gives it, with or without a date behind it. The price is its maker's own, as of
// November 2025.
func KnownModel(name string) ModelInfo {
	best, info := "", ModelInfo{}
	for known, i := range knownModels() {
		rest, ok := strings.CutPrefix(name, known)
		if ok && len(known) > len(best) && (rest == "" || rest == "-latest" || isDate(rest)) {
			best, info = known, i
		}
	}
	return info
}

// isDate reports whether s is -2024-07-18, -20250929 or their like.
func isDate(s string) bool {
	digits := strings.ReplaceAll(s, "-", "")
	return strings.HasPrefix(s, "-") && len(digits) >= 4 && strings.Trim(digits, "0123456789") == ""
}

// knownModels: https://platform.openai.com/docs/models, https://docs.anthropic.com/en/docs/about-claude/models,
// https://ai.google.dev/gemini-api/docs/models, https://api-docs.deepseek.com/quick_start/pricing,
// https://platform.moonshot.ai/docs/pricing/chat.
func knownModels() map[string]ModelInfo {
	see := func(context, output int64, input, cached, written, answer float64) ModelInfo {
		return ModelInfo{Context: context, MaxOutput: output, Vision: true, Price: &Price{input, cached, written, answer}}
	}
	counting := func(base, tile int64, patch float64, i ModelInfo) ModelInfo {
		i.Picture = &PictureCost{base, tile, patch}
		return i
	}
	return map[string]ModelInfo{
		EchoModel:           {NoTools: true, Price: &Price{}},
		"gpt-4o":            counting(85, 170, 0, see(128_000, 16_384, 2.5, 1.25, 0, 10)),
		"gpt-4o-mini":       counting(2833, 5667, 0, see(128_000, 16_384, 0.15, 0.075, 0, 0.6)),
		"gpt-4.1":           counting(85, 170, 0, see(1_047_576, 32_768, 2, 0.5, 0, 8)),
		"gpt-4.1-mini":      counting(0, 0, 1.62, see(1_047_576, 32_768, 0.4, 0.1, 0, 1.6)),
		"gpt-4.1-nano":      counting(0, 0, 2.46, see(1_047_576, 32_768, 0.1, 0.025, 0, 0.4)),
		"gpt-5":             counting(70, 140, 0, see(400_000, 128_000, 1.25, 0.125, 0, 10)),
		"gpt-5-mini":        counting(0, 0, 1.62, see(400_000, 128_000, 0.25, 0.025, 0, 2)),
		"gpt-5-nano":        counting(0, 0, 2.46, see(400_000, 128_000, 0.05, 0.005, 0, 0.4)),
		"o3":                counting(75, 150, 0, see(200_000, 100_000, 2, 0.5, 0, 8)),
		"o4-mini":           counting(0, 0, 1.72, see(200_000, 100_000, 1.1, 0.275, 0, 4.4)),
		"claude-opus-4-5":   see(200_000, 64_000, 5, 0.5, 6.25, 25),
		"claude-sonnet-4-5": see(200_000, 64_000, 3, 0.3, 3.75, 15),
		"claude-haiku-4-5":  see(200_000, 64_000, 1, 0.1, 1.25, 5),
		"gemini-2.5-flash":  {Context: 1_048_576, MaxOutput: 65_536, Vision: true},
		"gemini-2.5-pro":    {Context: 1_048_576, MaxOutput: 65_536, Vision: true},
		"deepseek-chat":     {Context: 128_000, MaxOutput: 8_192},
		"deepseek-reasoner": {Context: 128_000, MaxOutput: 64_000},
		"kimi-k2-0905":      {Context: 262_144},
	}
}
