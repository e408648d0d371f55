package database

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// Engine names a kind of database.
type Engine string

// The engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
	MySQL    Engine = "mysql" // and MariaDB
)

// Target is a parsed database URL.
type Target struct {
	Engine Engine
	Path   string  // SQLite: the file; "" = in memory
	dsn    string  // servers: for the driver; holds the password
	tls    tlsWish // MySQL
	shown  string
}

// Memory reports whether the database lives in this process only.
func (t Target) Memory() bool { return t.Engine == SQLite && t.Path == "" }

// OnFile reports whether it is a SQLite file.
func (t Target) OnFile() bool { return t.Engine == SQLite && t.Path != "" }

// String returns the target without its password.
func (t Target) String() string { return t.shown }

var errURL = errors.New("database URL")

// ParseURL reads the forms that people paste: sqlite:///rel.db,
// sqlite:////abs.db, sqlite:///:memory:, :memory:, postgres://, postgresql://,
// mysql://, mariadb://, each also with SQLAlchemy's "+driver" suffix. "" is
// conversations.db in dataDir. An error never holds the password.
func ParseURL(raw, dataDir string) (Target, error) {
	raw = strings.TrimSpace(raw)
	switch raw {
	case "":
		if dataDir == "" {
			dataDir = "data"
		}
		return sqliteTarget(filepath.Join(dataDir, "conversations.db")), nil
	case ":memory:":
		return sqliteTarget(""), nil
	}
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return Target{}, fmt.Errorf("%w: it has no scheme; write sqlite:///path, postgresql://… or mysql://…", errURL)
	}
	name, _, _ := strings.Cut(strings.ToLower(scheme), "+")
	switch name {
	case "sqlite", "sqlite3":
		return parseSQLite(rest)
	case "postgres", "postgresql":
		return parsePostgres(rest)
	case "mysql", "mariadb":
		return parseMySQL(rest)
	}
	return Target{}, fmt.Errorf("%w: unknown scheme %q; known are sqlite, postgresql and mysql", errURL, name)
}

func sqliteTarget(path string) Target {
	t := Target{Engine: SQLite, Path: path, shown: "sqlite:///" + path}
	if path == "" {
		t.shown = "sqlite:///:memory:"
	}
	return t
}

// parseSQLite follows SQLAlchemy: three slashes are a relative path, four an absolute one.
func parseSQLite(rest string) (Target, error) {
	path, _, _ := strings.Cut(rest, "?")
	switch path {
	case "", "/", "/:memory:", ":memory:":
		return sqliteTarget(""), nil
	}
	host, path, ok := strings.Cut(path, "/")
	if !ok || host != "" {
		return Target{}, fmt.Errorf("%w: sqlite wants three slashes for a relative path (sqlite:///data/x.db) and four for an absolute one", errURL)
	}
	if p, err := url.PathUnescape(path); err == nil {
		path = p
	}
	return sqliteTarget(path), nil
}

func parsePostgres(rest string) (Target, error) {
	u, err := parseServer("postgres://" + rest)
	if err != nil {
		return Target{}, err
	}
	q := u.Query()
	for _, key := range []string{"charset", "client_encoding", "async_fallback", "prepared_statement_cache_size"} {
		q.Del(key) // other programs' drivers know these, PostgreSQL does not
	}
	if err := postgresTLS(q); err != nil {
		return Target{}, err
	}
	u.RawQuery = q.Encode()
	return Target{Engine: Postgres, dsn: u.String(), shown: mask(u, "postgresql")}, nil
}

func parseMySQL(rest string) (Target, error) {
	u, err := parseServer("mysql://" + rest)
	if err != nil {
		return Target{}, err
	}
	c := mysql.NewConfig()
	c.User = u.User.Username()
	c.Passwd, _ = u.User.Password()
	c.Net, c.Addr = "tcp", u.Host
	if u.Port() == "" {
		c.Addr = net.JoinHostPort(u.Hostname(), "3306")
	}
	c.DBName = strings.TrimPrefix(u.Path, "/")
	c.ParseTime = true
	c.Collation = "utf8mb4_bin"
	c.Params = map[string]string{
		"time_zone": "'+00:00'",
		"sql_mode":  "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'",
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Target{}, fmt.Errorf("%w: its parameters cannot be read", errURL)
	}
	if sock := q.Get("unix_socket"); sock != "" {
		c.Net, c.Addr = "unix", sock
	}
	q.Del("unix_socket")
	wish, err := mysqlTLS(q)
	if err != nil {
		return Target{}, err
	}
	return Target{Engine: MySQL, dsn: c.FormatDSN(), tls: wish, shown: mask(u, "mysql")}, nil
}

func parseServer(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil { // err quotes the URL with its password
		return nil, fmt.Errorf("%w: it cannot be read; percent-encode special characters in the password", errURL)
	}
	if u.Hostname() == "" && u.Query().Get("host") == "" && u.Query().Get("unix_socket") == "" {
		return nil, fmt.Errorf("%w: it names no host", errURL)
	}
	if strings.Trim(u.Path, "/") == "" {
		return nil, fmt.Errorf("%w: it names no database (…@host/NAME)", errURL)
	}
	return u, nil
}

func mask(u *url.URL, scheme string) string {
	user := ""
	if u.User != nil {
		user = u.User.Username()
		if _, ok := u.User.Password(); ok {
			user += ":***"
		}
		user += "@"
	}
	return scheme + "://" + user + u.Host + u.Path
}
