package dbtest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/database"
)

// need returns the path of a server's program. Without it the test is skipped,
// where PARLEY_REQUIRE_SERVERS is set it fails.
func need(tb testing.TB, program string) string {
	tb.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("PARLEY_REQUIRE_SERVERS") != "" { //nolint:forbidigo // tests are told by the environment what must be there
		tb.Fatal(err)
	}
	tb.Skipf("%s is not installed", program)
	return ""
}

// MariaDB starts a server of the test's own with these options and returns the
// URL of a new database on it, of a user who is no administrator, and one of an administrator.
func MariaDB(tb testing.TB, options ...string) (mine, admin string) {
	tb.Helper()
	install, server := need(tb, "mariadb-install-db"), need(tb, "mariadbd")
	dir := openDir(tb)
	me, err := user.Current()
	if err != nil {
		tb.Fatal(err)
	}
	data, socket := filepath.Join(dir, "data"), filepath.Join(dir, "s")
	out, err := exec.CommandContext(tb.Context(), install, "--no-defaults", "--user="+me.Username, "--datadir="+data,
		"--auth-root-authentication-method=normal", "--skip-test-db").CombinedOutput()
	if err != nil {
		tb.Fatalf("%v\n%s", err, out)
	}
	options = append([]string{
		"--no-defaults", "--user=" + me.Username, "--datadir=" + data, "--socket=" + socket, "--skip-networking",
		"--pid-file=" + filepath.Join(dir, "pid"), "--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0",
	}, options...)
	run(tb, exec.Command(server, options...), socket) //nolint:noctx // it is ended below, in an orderly way
	at := "?unix_socket=" + url.QueryEscape(socket)
	admin = "mysql://root@localhost/mysql" + at
	db := connect(tb, admin)
	for _, statement := range []string{
		"CREATE DATABASE own", "CREATE USER own@localhost IDENTIFIED BY 'own'", "GRANT ALL ON own.* TO own@localhost",
	} {
		if _, err := db.Maintenance().ExecContext(tb.Context(), statement); err != nil {
			tb.Fatal(err)
		}
	}
	return "mysql://own:own@localhost/own" + at, admin
}

// PgBouncer starts a pooler before PostgreSQL with these settings and returns
// the URL of the same database through it.
func PgBouncer(tb testing.TB, direct, settings string) string {
	tb.Helper()
	program := need(tb, "pgbouncer")
	to, err := url.Parse(direct)
	if err != nil {
		tb.Fatal(err)
	}
	password := ""
	if given, _ := to.User.Password(); given != "" { // an empty one is a syntax error
		password = " password='" + given + "'"
	}
	dir := openDir(tb)
	const port = "6432" // of a socket in the directory only
	ini := fmt.Sprintf("[databases]\n%s = host=%s port=%s user=%s%s\n[pgbouncer]\nlisten_addr =\nlisten_port = %s\n"+
		"unix_socket_dir = %s\nauth_type = any\n%s\n", strings.Trim(to.Path, "/"), to.Hostname(), or(to.Port(), "5432"), to.User.Username(), password, port, dir, settings)
	file := filepath.Join(dir, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(ini), 0o644); err != nil { //nolint:gosec // another user reads it
		tb.Fatal(err)
	}
	c := exec.Command(program, file) //nolint:noctx // it is ended below, in an orderly way
	if os.Geteuid() == 0 {           // as which it does not run
		const nobody = 65534
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	run(tb, c, filepath.Join(dir, ".s.PGSQL."+port))
	return "postgres://" + to.User.Username() + "@" + to.Path + "?sslmode=disable&port=" + port + "&host=" + url.QueryEscape(dir)
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// openDir returns a directory, of a short name since sockets have one, that other users reach.
func openDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "parley-") //nolint:usetesting // its name would be too long for a socket
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil { //nolint:gosec // see above
		tb.Fatal(err)
	}
	return dir
}

// run starts a server, waits until it listens, and ends it after the test.
func run(tb testing.TB, c *exec.Cmd, socket string) {
	tb.Helper()
	log, err := os.Create(filepath.Join(tb.TempDir(), "log"))
	if err != nil {
		tb.Fatal(err)
	}
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		tb.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = c.Wait()
		close(ended)
	}()
	tb.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = c.Process.Kill()
			<-ended
		}
		_ = log.Close()
	})
	deadline := time.After(30 * time.Second)
	for look := time.NewTicker(20 * time.Millisecond); ; {
		if listens(tb.Context(), socket) {
			look.Stop()
			return
		}
		select {
		case <-look.C:
			continue
		case <-ended:
		case <-deadline:
		}
		text, _ := os.ReadFile(log.Name())
		tb.Fatalf("%s does not come up (process %s):\n%s", c.Path, strconv.Itoa(c.Process.Pid), text)
	}
}

// listens reports whether a server takes connections: its socket is there before
// it does.
func listens(ctx context.Context, socket string) bool {
	c, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

func connect(tb testing.TB, address string) *database.DB {
	tb.Helper()
	db, err := database.Open(tb.Context(), database.Options{URL: address})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}
