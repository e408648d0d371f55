package config

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/robfig/cron/v3"

	"github.com/parley-bot/parley/internal/database"
)

// formats are the formats that schema.json names beyond those of JSON Schema:
// what a text must be where a pattern would not do. An error says what would be
// right, where the schema has no title that does; none quotes a secret.
func formats() map[string]func(string) error {
	return map[string]func(string) error{
		"access-entry":     func(entry string) error { _, err := ParseEntry(entry); return err },
		"admin":            func(entry string) error { _, err := ParseAdmin(entry); return err },
		"bearer-token":     func(token string) error { return CheckToken(Secret(token)) },
		"cidr":             checkCIDR,
		"cron":             checkCron,
		"database-address": func(address string) error { _, err := database.ParseURL(address, ""); return err },
		"host-port":        checkListen,
		"http-address":     checkURL,
		"model":            func(ref string) error { _, _, err := ParseModel(ref); return err },
		"time-zone":        func(name string) error { _, err := time.LoadLocation(name); return err },
		"webhook-secret":   checkWebhookSecret,
	}
}

func checkListen(address string) error {
	host, port, err := net.SplitHostPort(address)
	if strings.ContainsFunc(host, unicode.IsSpace) {
		err = errors.New("the host has a space in it")
	}
	_, notPort := strconv.ParseUint(port, 10, 16)
	return cmp.Or(err, notPort)
}

func checkCIDR(cidr string) error {
	if _, err := netip.ParsePrefix(cidr); err != nil {
		return fmt.Errorf("must be a CIDR such as 10.0.0.0/8 or 192.0.2.1/32, got %s", quote(cidr))
	}
	return nil
}

// CheckURL reports what is wrong with an address.
func CheckURL(address string) error { return checkURL(address) }

func checkURL(address string) error {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Hostname() == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return fmt.Errorf("must be an address that starts with http:// or https://")
	}
	return nil
}

// checkCron accepts five fields and reads them as the scheduler does.
func checkCron(spec string) error {
	if n := len(strings.Fields(spec)); n != 5 || strings.Contains(spec, "TZ=") {
		return fmt.Errorf("must have five fields (minute hour day month weekday), or be empty to switch the job off, got %s", quote(spec))
	}
	schedule, err := cron.ParseStandard(spec)
	if err != nil {
		return fmt.Errorf("is not a cron expression: %w", err)
	}
	if schedule.Next(time.Unix(0, 0)).IsZero() {
		return fmt.Errorf("names a date that never occurs, got %s", quote(spec))
	}
	return nil
}

// BackupEvery returns how much time there is between two backups by the clock, 0
// where there are none.
func (c *Config) BackupEvery() time.Duration {
	schedule, err := cron.ParseStandard(c.Scheduler.Backup)
	if err != nil {
		return 0
	}
	first := schedule.Next(time.Unix(0, 0).UTC())
	longest := time.Duration(0)
	for range 10 { // not every gap is as long: on workdays, say
		next := schedule.Next(first)
		longest, first = max(longest, next.Sub(first)), next
	}
	return longest
}

// The lengths of a Standard Webhooks secret, in bytes
// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
const (
	secretMin = 24
	secretMax = 64
)

// tokenMin is the length of the shortest token.
const tokenMin = 16

const tokenFix = "make one with: openssl rand -hex 16"

// CheckToken reports what is wrong with a bearer token, without quoting it.
func CheckToken(t Secret) error {
	if strings.ContainsFunc(string(t), func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("must be printable ASCII without spaces, because it is sent in a header")
	}
	if len(t) < tokenMin {
		return fmt.Errorf("must be at least %d characters; %s", tokenMin, tokenFix)
	}
	return nil
}

func checkWebhookSecret(secret string) error {
	encoded, ok := strings.CutPrefix(secret, "whsec_")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(raw) < secretMin || len(raw) > secretMax {
		return errors.New("is not a Standard Webhooks secret")
	}
	return nil
}
