package show

import (
	"encoding"
	"fmt"
	"log/slog"
)

// LogAttr is for slog's ReplaceAttr in a log for people: nothing in a message,
// a key or a value steers the terminal.
func LogAttr(groups []string, a slog.Attr) slog.Attr {
	a.Key = Line(a.Key, 0)
	if len(groups) == 0 && a.Key == slog.MessageKey {
		a.Value = slog.StringValue(Line(a.Value.String(), 0)) // it is written as it is, values are quoted
		return a
	}
	if kind := a.Value.Kind(); kind == slog.KindString {
		a.Value = slog.StringValue(Text(a.Value.String()))
	} else if kind == slog.KindAny {
		a.Value = clean(a.Value.Any())
	}
	return a
}

func clean(value any) slog.Value {
	switch v := value.(type) {
	case slog.Level, *slog.Source: // the program's own
		return slog.AnyValue(v)
	case []byte:
		return slog.StringValue(Text(string(v)))
	case encoding.TextMarshaler:
		if text, err := v.MarshalText(); err == nil {
			return slog.StringValue(Text(string(text)))
		}
	}
	return slog.StringValue(Text(fmt.Sprintf("%+v", value)))
}
