package config

import (
	"net"
	"net/netip"
	"strings"
	"unicode"

	"github.com/parley-bot/parley/internal/database"
)

// validate notes what the schema cannot see: how keys go together, and bounds
// of what is written with a unit.
func (l *loader) validate() {
	l.checkBounds()
	l.checkListeners()
	l.checkPersonas()
	l.checkModels()
	l.checkServers()
	l.checkAccess()
	l.checkSources()
	l.checkApps()
}

// wrong notes a problem with the value of key, unless one is noted already.
func (l *loader) wrong(key, format string, args ...any) {
	if !l.faulty(key) {
		l.fault(l.placeOf(key), key, format, args...)
	}
}

// check notes err as a problem with the value of key.
func (l *loader) check(key string, err error) {
	if err != nil {
		l.wrong(key, "%s", err)
	}
}

func (l *loader) checkBounds() {
	if l.config.AI.Timeout <= 0 {
		l.wrong("ai.timeout", "must be more than 0, such as 120s, got %s", l.config.AI.Timeout)
	}
	if l.config.AI.Tools.Approve == "admins" && len(l.config.Access.Admins) == 0 {
		l.wrong("ai.tools.approve", "is admins, but access.admins is empty; add an admin, or use asker")
	}
	if l.config.AI.Tools.Timeout <= 0 {
		l.wrong("ai.tools.timeout", "must be more than 0, such as 60s, got %s", l.config.AI.Tools.Timeout)
	}
	if n := l.config.Gateway.MaxReply; n < 1<<10 || n > 4<<20 {
		l.wrong("gateway.max_reply", "must be between 1KiB and 4MiB, got %s", n)
	}
	if n := l.config.AI.ConversationPersistence.PoolSize; n > 0 && n < database.MinConns {
		l.wrong("ai.conversation_persistence.pool_size", "must be 0 (automatic) or at least %d, got %d", database.MinConns, n)
	}
	if s := &l.config.Scheduler; s.Backup != "" && s.BackupDir == "" {
		l.wrong("scheduler.backup_dir", "must name a directory while scheduler.backup is set, such as backups")
	}
}

func (l *loader) checkListeners() {
	if s := &l.config.Server; s.OperationsListen != "" && sameListener(s.Listen, s.OperationsListen) {
		l.wrong("server.operations_listen", "is the address of server.listen: what needs no token there would be open to everyone; choose another port, on an address that only operators can reach")
	}
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

func (l *loader) checkPersonas() {
	for name := range l.config.AI.Personas {
		if name == "" || strings.ContainsFunc(name, unicode.IsSpace) {
			l.wrong("ai.personas."+name, "a persona's name must be one word, since it is an argument of /persona")
		}
	}
}
