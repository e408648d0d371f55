package show

import (
	"net/url"
	"strings"
)

// Mask stands for a secret.
const Mask = "***"

// URL returns an address as anybody may see it: who signs in and every value of
// the query are masked, since either may be a key. What is no address is
// masked as a whole.
func URL(address string) string {
	if address == "" {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return Mask
	}
	var b strings.Builder
	b.WriteString(u.Scheme + "://")
	if u.User != nil {
		b.WriteString(Mask + "@")
	}
	b.WriteString(u.Host + u.EscapedPath())
	if u.RawQuery != "" || u.ForceQuery {
		b.WriteString("?" + query(u.RawQuery))
	}
	if u.Fragment != "" {
		b.WriteString("#" + Mask)
	}
	return b.String()
}

func query(raw string) string {
	pairs := strings.Split(raw, "&")
	for i, pair := range pairs {
		name, _, named := strings.Cut(pair, "=")
		pairs[i] = Mask
		if named {
			pairs[i] = name + "=" + Mask
		}
	}
	return strings.Join(pairs, "&")
}
