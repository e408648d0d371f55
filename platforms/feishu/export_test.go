package feishu

// What the tests of the package look at from outside.
const MaxContent = maxContent

// TextContent is textContent.
func TextContent(text string) string { return textContent(text) }
