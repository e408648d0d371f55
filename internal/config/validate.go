package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/robfig/cron/v3"

	"github.com/parley-bot/parley/internal/database"
)

// validate notes every value that cannot be meant.
func (l *loader) validate() {
	for _, one := range leaves("", reflect.ValueOf(l.config).Elem()) {
		l.checkTag(one)
	}
	l.checkServer()
	l.checkAI()
	l.checkAccess()
	l.checkGateway()
	l.checkCommands()
	l.checkScheduler()
	l.checkSources()
	l.checkNotBuilt()
	l.checkStart()
}

// wrong notes a problem with the value of key, unless one is noted already.
func (l *loader) wrong(key, format string, args ...any) {
	if !l.faulty[key] {
		l.fault(l.placeOf(key), key, format, args...)
	}
}

// check notes err as a problem with the value of key.
func (l *loader) check(key string, err error) {
	if err != nil {
		l.wrong(key, "%s", err)
	}
}

// checkTag holds a value to the enum, minimum and maximum in its jsonschema tag.
func (l *loader) checkTag(one leaf) {
	var allowed []string
	for rule := range strings.SplitSeq(one.tag.Get("jsonschema"), ",") {
		name, limit, _ := strings.Cut(rule, "=")
		bound, _ := strconv.ParseInt(limit, 10, 64)
		switch {
		case name == "enum":
			allowed = append(allowed, limit)
		case name == "minimum" && one.value.Int() < bound:
			l.wrong(one.key, "must be at least %d, got %d", bound, one.value.Int())
		case name == "maximum" && one.value.Int() > bound:
			l.wrong(one.key, "must be at most %d, got %d", bound, one.value.Int())
		}
	}
	if len(allowed) > 0 && !slices.Contains(allowed, one.value.String()) {
		l.wrong(one.key, "must be one of %s, got %s", strings.Join(allowed, ", "), quote(one.value.String()))
	}
}

func (l *loader) checkServer() {
	s := &l.config.Server
	l.check("server.listen", checkListen(s.Listen))
	if s.OperationsListen != "" {
		l.check("server.operations_listen", checkListen(s.OperationsListen))
		if sameListener(s.Listen, s.OperationsListen) {
			l.wrong("server.operations_listen", "is the address of server.listen: what needs no token there would be open here; choose another port, on an address that only operators reach")
		}
	}
	l.check("server.public_url", checkURL(s.PublicURL, true))
	if s.BodyLimit < 1 {
		l.wrong("server.body_limit", "must be at least 1 byte; write a size such as 1MiB")
	}
	for i, cidr := range s.TrustedProxies {
		if _, err := netip.ParsePrefix(cidr); err != nil {
			l.wrong(fmt.Sprintf("server.trusted_proxies[%d]", i), "must be a CIDR such as 10.0.0.0/8 or 192.0.2.1/32, got %s", quote(cidr))
		}
	}
	if s.ShutdownGrace < 0 {
		l.wrong("server.shutdown_grace", "must not be negative, got %s", s.ShutdownGrace)
	}
	if s.AdminToken != "" {
		l.check("server.admin_token", CheckToken(s.AdminToken))
	}
	p := &l.config.Platforms
	l.check("platforms.slack.api_url", checkURL(p.Slack.APIURL, false))
	l.check("platforms.feishu.base_url", checkURL(p.Feishu.BaseURL, false))
	l.check("memory.dynamodb.endpoint", checkURL(l.config.Memory.DynamoDB.Endpoint, true))
	l.check("memory.dynamodb.table_prefix", checkTablePrefix(l.config.Memory.DynamoDB.TablePrefix))
}

// checkTablePrefix keeps table names within what DynamoDB takes:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
func checkTablePrefix(prefix string) error {
	if ok, _ := regexp.MatchString(`^[A-Za-z0-9._-]{0,200}$`, prefix); !ok {
		return fmt.Errorf("must be at most 200 of letters, digits, dot, _ and -, got %s", quote(prefix))
	}
	return nil
}

func checkListen(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("must be host:port such as 127.0.0.1:8080, got %s", quote(address))
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n > 65535 {
		return fmt.Errorf("must end in a port from 0 to 65535, got %s", quote(address))
	}
	if strings.ContainsFunc(host, unicode.IsSpace) {
		return fmt.Errorf("must hold no spaces, got %s", quote(address))
	}
	return nil
}

// sameListener reports whether one of two addresses takes the connections of
// the other. Port 0 is another one each time.
func sameListener(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	return hostA == hostB || everywhere(hostA) || everywhere(hostB) || machine(hostA) && machine(hostB)
}

func everywhere(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "" || err == nil && address.IsUnspecified()
}

func machine(host string) bool {
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && address.Unmap().IsLoopback()
}

// checkURL never quotes the address: it may hold a password.
func checkURL(u URL, optional bool) error {
	if u == "" && optional {
		return nil
	}
	parsed, err := url.Parse(string(u))
	if err != nil || parsed.Hostname() == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return fmt.Errorf("must be an address that starts with http:// or https://")
	}
	return nil
}

func (l *loader) checkAI() {
	ai := &l.config.AI
	_, _, err := ParseModel(ai.Model)
	l.check("ai.model", err)
	l.checkModels("ai.fallback_models", ai.FallbackModels)
	l.checkModels("ai.models", ai.Models)
	l.check("ai.base_url", checkURL(ai.BaseURL, true))
	if ai.Timeout <= 0 {
		l.wrong("ai.timeout", "must be more than 0, such as 120s, got %s", ai.Timeout)
	}
	for name := range ai.Personas {
		if name == "" || strings.ContainsFunc(name, unicode.IsSpace) {
			l.wrong("ai.personas."+name, "a persona's name must be one word, since it is an argument of /persona")
		}
	}
	p := &ai.ConversationPersistence
	if _, err := database.ParseURL(string(p.DBURL), p.DataDir); err != nil {
		l.wrong("ai.conversation_persistence.db_url", "%s", err)
	}
	if p.DataDir == "" {
		l.wrong("ai.conversation_persistence.data_dir", "must name a directory, such as data")
	}
}

func (l *loader) checkModels(key string, refs []string) {
	for i, ref := range refs {
		_, _, err := ParseModel(ref)
		l.check(fmt.Sprintf("%s[%d]", key, i), err)
	}
}

func (l *loader) checkGateway() {
	if n := l.config.Gateway.MaxReply; n < 1<<10 || n > 4<<20 {
		l.wrong("gateway.max_reply", "must be between 1KiB and 4MiB, got %s", n)
	}
}

func (l *loader) checkCommands() {
	prefix := l.config.Commands.Prefix
	if strings.TrimLeftFunc(prefix, unicode.IsSpace) != prefix || prefix == "" || strings.ContainsFunc(prefix, unicode.IsControl) {
		l.wrong("commands.prefix", "must be one or more characters and not begin with a space, such as / or \"!bot \", got %s", quote(prefix))
	}
}

func (l *loader) checkScheduler() {
	s := &l.config.Scheduler
	if _, err := time.LoadLocation(s.Timezone); err != nil || s.Timezone == "" {
		l.wrong("scheduler.timezone", "must be a time zone such as UTC or Europe/Berlin, got %s", quote(s.Timezone))
	}
	for _, job := range []struct{ name, spec string }{
		{"cleanup", s.Cleanup}, {"vacuum", s.Vacuum}, {"backup", s.Backup}, {"report", s.Report},
	} {
		l.check("scheduler."+job.name, checkCron(job.spec))
	}
	if s.Backup != "" && s.BackupDir == "" {
		l.wrong("scheduler.backup_dir", "must name a directory while scheduler.backup is set, such as backups")
	}
}

// checkCron accepts what the scheduler accepts: five fields, or nothing.
func checkCron(spec string) error {
	if spec == "" {
		return nil
	}
	if n := len(strings.Fields(spec)); n != 5 || strings.Contains(spec, "TZ=") {
		return fmt.Errorf("must have five fields (minute hour day month weekday), or be empty to switch the job off, got %s", quote(spec))
	}
	schedule, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(spec)
	if err != nil {
		return fmt.Errorf("is no cron expression: %w", err)
	}
	if schedule.Next(time.Unix(0, 0)).IsZero() {
		return fmt.Errorf("names a day that never comes, got %s", quote(spec))
	}
	return nil
}

// checkNotBuilt refuses what the configuration knows and this version lacks,
// so that nobody waits for what silently does not happen.
func (l *loader) checkNotBuilt() {
	p := &l.config.Platforms
	if p.Slack.Enabled != Off && p.Slack.Mode == "socket" {
		l.wrong("platforms.slack.mode", "socket mode is not built in this version; use http with a public request URL")
	}
	if p.Feishu.Enabled != Off && p.Feishu.Mode == "websocket" {
		l.wrong("platforms.feishu.mode", "websocket mode is not built in this version; use http with a public request URL")
	}
}
