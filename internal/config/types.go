package config

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/show"
)

// Secret is a value that no log, error or page may show. It prints as ***.
type Secret string

// Reveal returns the value itself.
func (s Secret) Reveal() string { return string(s) }

// String returns *** for a secret that is there, "" for none.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return show.Mask
}

// GoString masks %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// LogValue masks the secret in logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText masks the secret in YAML and JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// URL is an address. What may be secret in it is masked wherever it is printed.
type URL string

// String returns the address as [show.URL] masks it.
func (u URL) String() string { return show.URL(string(u)) }

// LogValue masks the address in logs.
func (u URL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalText masks the address in YAML and JSON.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// DatabaseURL is a database URL in one of the forms of [database.ParseURL].
type DatabaseURL string

// String returns the URL without password and parameters.
func (u DatabaseURL) String() string {
	if u == "" {
		return ""
	}
	target, err := database.ParseURL(string(u), "")
	if err != nil {
		return show.Mask
	}
	return target.String()
}

// LogValue masks the password in logs.
func (u DatabaseURL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// MarshalText masks the password in YAML and JSON.
func (u DatabaseURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// Toggle is auto, true or false.
type Toggle string

// The values of a Toggle.
const (
	Auto Toggle = "auto" // on when what it needs is there
	On   Toggle = "true"
	Off  Toggle = "false"
)

// MarshalYAML writes true and false without quotes.
func (t Toggle) MarshalYAML() (any, error) {
	if t == Auto {
		return string(t), nil
	}
	return t == On, nil
}

// Size is a number of bytes.
type Size int64

// units are the suffixes of a Size, longest first so that "MiB" is not read as "B".
func units() []unit {
	return []unit{
		{"KIB", 1 << 10},
		{"MIB", 1 << 20},
		{"GIB", 1 << 30},
		{"KB", 1e3},
		{"MB", 1e6},
		{"GB", 1e9},
		{"B", 1},
	}
}

type unit struct {
	name  string
	bytes int64
}

// UnmarshalText reads a whole number of bytes with or without a unit: 1048576, 512KB, 1MiB.
func (s *Size) UnmarshalText(text []byte) error {
	number, factor := strings.TrimSpace(string(text)), int64(1)
	for _, u := range units() {
		if strings.HasSuffix(strings.ToUpper(number), u.name) {
			number, factor = strings.TrimSpace(number[:len(number)-len(u.name)]), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n > math.MaxInt64/factor {
		return fmt.Errorf("must be a size of less than 8 EiB, got %s", quote(string(text)))
	}
	*s = Size(n * factor)
	return nil
}

// MarshalText writes the size with the largest unit that leaves a whole number.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String returns the size with the largest binary unit that leaves a whole number.
func (s Size) String() string {
	for _, u := range []unit{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if s > 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// quote returns s on one line, in quotes, and not longer than fits an error.
func quote(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return strconv.Quote(s)
}
