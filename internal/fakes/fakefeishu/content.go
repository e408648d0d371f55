package fakefeishu

import (
	"encoding/json"
	"slices"
	"strings"
)

// read checks the content of a message and fills in what it shows. field names
// what is wrong, "" for nothing.
func (s *Server) read(m *Sent, size int) (field string, tooLong bool) {
	var content struct {
		Text    string `json:"text"`
		FileKey string `json:"file_key"`
	}
	if json.Unmarshal([]byte(m.Content), &content) != nil {
		return "content", false
	}
	switch m.Type {
	case "text":
		m.Text = content.Text
		tooLong = size > maxTextRequest
	case "file":
		sent, known := s.files[content.FileKey]
		if !known {
			return "content", false
		}
		m.File, m.Text = sent.name, sent.content
		return "", false
	case "interactive":
		return s.readCard(m), len(m.Content) > maxRichContent
	case "post":
		m.Text, field = postText([]byte(m.Content))
		tooLong = len(m.Content) > maxRichContent
	default:
		return "msg_type", false
	}
	if m.Text == "" && field == "" {
		field = "content"
	}
	return field, tooLong
}

// postText flattens a rich text.
// https://open.feishu.cn/document/server-docs/im-v1/message-content-description/create_json
func postText(content []byte) (text, field string) {
	var locales map[string]struct {
		Title   string `json:"title"`
		Content [][]struct {
			Tag      string   `json:"tag"`
			Text     string   `json:"text"`
			Href     string   `json:"href"`
			Style    []string `json:"style"`
			Language string   `json:"language"`
		} `json:"content"`
	}
	if json.Unmarshal(content, &locales) != nil || len(locales) == 0 {
		return "", "content"
	}
	for _, post := range locales {
		lines := []string{post.Title}
		for _, paragraph := range post.Content {
			var line strings.Builder
			for _, e := range paragraph {
				if !slices.Contains([]string{"text", "a", "md", "code_block", "hr"}, e.Tag) || (e.Tag == "md" && len(paragraph) > 1) ||
					(e.Tag == "a" && !strings.Contains(e.Href, ":")) || slices.ContainsFunc(e.Style, unknownStyle) {
					return "", "content"
				}
				line.WriteString(e.Text)
			}
			lines = append(lines, line.String())
		}
		return strings.TrimPrefix(strings.Join(lines, "\n"), "\n"), ""
	}
	return "", "content"
}

func unknownStyle(name string) bool {
	return !slices.Contains([]string{"bold", "italic", "underline", "lineThrough"}, name)
}
