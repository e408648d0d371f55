package feishu

// What the tests of the package look at from outside.
const MaxContent = maxContent

// TextContent is textContent.
func TextContent(text string) string { return textContent(text) }

// Rendered returns type and content of the message that shows text.
func Rendered(text string) (kind, content string) {
	m := rendered("", text)
	return m.kind, m.content
}

// CardTexts returns the Markdown of each element of a card that shows text.
func CardTexts(text string) []string { return cardTexts(text, maxTables) }
