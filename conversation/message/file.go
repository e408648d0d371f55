package message

import (
	"encoding/json"
	"fmt"
	"strings"
)

// File is what is kept of a file that came with a message. The file itself is not.
type File struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"` // a media type, or a kind: "image/png", "image"
	Size int64  `json:"size,omitempty"` // in bytes; 0 = it is not known
	// Note is what models are told of it while it is asked about; it is not kept.
	Note string `json:"-"`
}

// String returns [file: NAME, TYPE, SIZE; NOTE].
func (f File) String() string {
	text := "[file: " + f.Name
	if f.Type != "" {
		text += ", " + f.Type
	}
	if f.Size > 0 {
		text += ", " + sizeOf(f.Size)
	}
	if f.Note != "" {
		text += "; " + f.Note
	}
	return text + "]"
}

// sizeOf returns a size for people.
func sizeOf(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1000*1000:
		return fmt.Sprintf("%d KB", (n+500)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// maxFiles bounds the files of a message that are told of: metadata may be anybody's.
const maxFiles = 10

// Files returns the files that came with m. What is no file in its metadata is none.
func (m *Message) Files() []File {
	list, _ := m.Metadata[MetaFiles].([]File)
	if raw, ok := m.Metadata[MetaFiles].([]any); ok {
		for _, item := range raw[:min(len(raw), maxFiles)] {
			var f File
			if text, err := json.Marshal(item); err == nil && json.Unmarshal(text, &f) == nil && f.Name != "" {
				f.Name, f.Type = bare(f.Name), bare(f.Type)
				list = append(list, f)
			}
		}
	}
	return list
}

// bare returns s as one short line that ends no bracket.
func bare(s string) string {
	const longest = 255
	s = strings.Join(strings.Fields(strings.NewReplacer("[", "_", "]", "_").Replace(s)), " ")
	return strings.ToValidUTF8(s[:min(len(s), longest)], "")
}

// Named returns a line for each file, as it stands in place of the words of who
// sent nothing else.
func Named(files []File) string {
	lines := make([]string, len(files))
	for i, f := range files {
		lines[i] = "[file: " + f.Name + "]"
	}
	return strings.Join(lines, "\n")
}
