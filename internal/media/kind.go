package media

import (
	"net/http"
	"path"
	"slices"
	"strings"
)

// Kind says what a file can be made of.
type Kind int

// The kinds.
const (
	Other Kind = iota // nothing; a model is told its name
	Image             // a picture, see ReadPicture
	Words             // a text, see ReadText
	Sound             // a recording
)

// Claimed returns what kind a file is by its media type and name, before it is
// read. What says nothing may be a text.
func Claimed(mediaType, name string) Kind {
	class, rest, _ := strings.Cut(strings.ToLower(mediaType), "/")
	extension := strings.ToLower(path.Ext(name))
	switch {
	case class == "image" && !strings.HasPrefix(rest, "svg"):
		return Image
	case class == "audio":
		return Sound
	case class == "video", slices.Contains(closed(), extension):
		return Other
	case class == "text", class == "", class == "image", strings.Contains(rest, "json"), strings.Contains(rest, "xml") && !strings.Contains(rest, "officedocument"),
		strings.Contains(rest, "yaml"), strings.Contains(rest, "javascript"), strings.Contains(rest, "sql"), rest == "octet-stream", strings.HasPrefix(rest, "x-"):
		return byName(extension)
	}
	return Other
}

// byName is for types that do not say more.
func byName(extension string) Kind {
	switch extension {
	case ".jpg", ".jpeg", ".png", ".gif", ".webp":
		return Image
	case ".mp3", ".m4a", ".ogg", ".oga", ".opus", ".wav", ".flac", ".webm":
		return Sound
	}
	return Words
}

// closed are the endings of files that are no texts, whatever their type says.
func closed() []string {
	return []string{".pdf", ".zip", ".gz", ".tgz", ".7z", ".rar", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".exe", ".dmg", ".apk", ".mp4", ".mov", ".heic"}
}

// Sniffed returns what kind a file is by its first bytes. A recording without
// pictures has the form of a film: there counts what was claimed.
func Sniffed(body []byte, claimed Kind) Kind {
	found := http.DetectContentType(body)
	switch {
	case slices.Contains([]string{"image/jpeg", "image/png", "image/gif", "image/webp"}, found):
		return Image
	case strings.HasPrefix(found, "audio/"), found == "application/ogg", strings.HasPrefix(found, "video/") && claimed == Sound:
		return Sound
	case claimed == Sound && found == "application/octet-stream":
		return Sound
	}
	if _, ok := ReadText(body); ok && claimed != Sound {
		return Words
	}
	return Other
}

// SoundName returns a name whose ending says what form a recording has.
func SoundName(name string, body []byte) string {
	const known = ".flac .mp3 .mp4 .mpeg .mpga .m4a .ogg .wav .webm"
	if extension := strings.ToLower(path.Ext(name)); extension != "" && slices.Contains(strings.Fields(known), extension) {
		return "recording" + extension
	}
	for kind, extension := range map[string]string{
		"application/ogg": ".ogg", "audio/mpeg": ".mp3", "audio/wave": ".wav", "video/webm": ".webm", "video/mp4": ".m4a",
	} {
		if http.DetectContentType(body) == kind {
			return "recording" + extension
		}
	}
	return "recording.ogg"
}
