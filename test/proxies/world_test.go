package proxies_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/app"
	"github.com/parley-bot/parley/internal/config"
)

const adminToken = "admin-token-behind-a-proxy"

// parley starts the program and returns its address.
func parley(t *testing.T, change ...func(*config.Config)) string {
	t.Helper()
	cfg := config.Default()
	cfg.Server.Listen = "127.0.0.1:0"
	cfg.Server.AdminToken = adminToken
	cfg.Server.ShutdownGrace = time.Second
	cfg.AI.ConversationPersistence.DataDir = t.TempDir()
	for _, c := range change {
		c(cfg)
	}
	a, err := app.New(t.Context(), cfg, app.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return a.Addr()
}

// installed returns the path of a proxy's program.
func installed(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	if os.Getenv("PARLEY_REQUIRE_PROXIES") != "" {
		t.Fatalf("%s was not found, and PARLEY_REQUIRE_PROXIES is set", name)
	}
	t.Skipf("%s was not found; Parley is not asked through it", name)
	return ""
}

// proxy is a running one.
type proxy struct{ url string }

// nginx starts nginx with one server block, in which LISTEN is where it listens.
func nginx(t *testing.T, server string) proxy {
	t.Helper()
	path, dir := installed(t, "nginx"), t.TempDir()
	return start(t, server, func(t *testing.T, server string) *exec.Cmd {
		t.Helper()
		text := "master_process off;\ndaemon off;\npid " + dir + "/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n"
		for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
			text += kind + "_temp_path " + dir + "/" + kind + ";\n"
		}
		file := write(t, dir, "nginx.conf", text+server+"\n}\n")
		return exec.Command(path, "-e", "stderr", "-p", dir, "-c", file)
	})
}

// haproxy starts HAProxy with these sections.
func haproxy(t *testing.T, sections string) proxy {
	t.Helper()
	path, dir := installed(t, "haproxy"), t.TempDir()
	return start(t, sections, func(t *testing.T, sections string) *exec.Cmd {
		t.Helper()
		return exec.Command(path, "-db", "-f", write(t, dir, "haproxy.cfg", sections+"\n"))
	})
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// start runs a proxy on a port of the kernel's choice until the test ends.
// Somebody else may take the port meanwhile; then another one is tried.
func start(t *testing.T, text string, command func(t *testing.T, text string) *exec.Cmd) proxy {
	t.Helper()
	var said string
	for range 5 {
		address := freePort(t)
		cmd := command(t, strings.ReplaceAll(text, "LISTEN", address))
		out := &strings.Builder{}
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { defer close(ended); _ = cmd.Wait() }()
		if answers(t, address, ended) {
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				<-ended
			})
			return proxy{"http://" + address}
		}
		_ = cmd.Process.Kill()
		<-ended
		said = out.String()
	}
	t.Fatalf("the proxy does not start:\n%s", said)
	return proxy{}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// answers waits until address takes connections, or the process has ended.
func answers(t *testing.T, address string, ended <-chan struct{}) bool {
	t.Helper()
	for try := time.NewTicker(20 * time.Millisecond); ; <-try.C {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = c.Close()
			return true
		}
		select {
		case <-ended:
			return false
		case <-t.Context().Done():
			return false
		default:
		}
	}
}

// ask is one request through a proxy. The certificate is the test's own.
type ask struct {
	method, path, body string
	header             map[string]string // Host, too
}

func (p proxy) ask(t *testing.T, a ask) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), a.method, p.url+a.path, strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range a.header {
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// certificate makes one for a proxy: of itself and key in one file, as HAProxy
// wants them, which nginx takes as well.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"bot.example.com"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, t.TempDir(), "bot.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))+
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}
