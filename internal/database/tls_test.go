package database

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// certificate makes one for a host, signed by itself, and the file that knows it.
func certificate(t *testing.T, host string) (pair tls.Certificate, file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// doorman speaks MySQL up to the log-in, which it refuses, and hears how that
// came: in the clear, encrypted, or not at all.
type doorman struct {
	cert  *tls.Certificate // nil: it knows no TLS
	addr  string
	mu    sync.Mutex
	plain bytes.Buffer // all that came in the clear
}

const loginRefused = 1045

func newDoorman(t *testing.T, cert *tls.Certificate) *doorman {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &doorman{cert: cert, addr: l.Addr().String()}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { d.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return d
}

func (d *doorman) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	const ssl = 0x0800
	can := uint16(0x0200 | 0x8000 | 0x0001) // protocol 4.1, secure connection, long password
	if d.cert != nil {
		can |= ssl
	}
	hello := append([]byte("\x0a8.0.0\x00\x01\x00\x00\x00abcdefgh\x00"), byte(can), byte(can>>8), 45, 2, 0, 8, 0, 21)
	hello = append(hello, make([]byte, 10)...)
	hello = append(hello, "ijklmnopqrst\x00mysql_native_password\x00"...)
	if d.send(c, 0, hello) != nil {
		return
	}
	first, err := d.receive(io.TeeReader(c, d))
	if err != nil {
		return
	}
	next := byte(2)
	if len(first) == 32 { // asks for TLS
		secure := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{*d.cert}, MinVersion: tls.VersionTLS12})
		if _, err := d.receive(secure); err != nil {
			return
		}
		c, next = secure, 3
	}
	_ = d.send(c, next, []byte("\xff\x15\x04#28000not today")) // 1045
}

// Write implements io.Writer: it hears what comes in the clear.
func (d *doorman) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.plain.Write(p)
}

func (d *doorman) heard(word string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Contains(d.plain.Bytes(), []byte(word))
}

func (d *doorman) send(c net.Conn, n byte, p []byte) error {
	_, err := c.Write(append([]byte{byte(len(p)), byte(len(p) >> 8), 0, n}, p...))
	return err
}

func (d *doorman) receive(r io.Reader) ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	p := make([]byte, int(head[0])|int(head[1])<<8)
	_, err := io.ReadFull(r, p)
	return p, err
}

// What asks for TLS gets it or no connection, and what asks for a known server
// connects to no other; nothing that asks says a word in the clear.
func TestCase45MySQLTLS(t *testing.T) {
	t.Parallel()
	named, ca := certificate(t, "localhost")
	other, _ := certificate(t, "localhost")
	elsewhere, caElsewhere := certificate(t, "elsewhere.example")
	servers := map[string]*doorman{
		"plain": newDoorman(t, nil), "known": newDoorman(t, &named), "unknown": newDoorman(t, &other), "elsewhere": newDoorman(t, &elsewhere),
	}
	const open, secure, none = "in the clear", "encrypted", "no connection"
	for _, c := range []struct{ query, server, want string }{
		{"", "plain", open},
		{"", "unknown", open},
		{"ssl-mode=DISABLED", "unknown", open},
		{"tls=false", "unknown", open},
		{"ssl-mode=PREFERRED", "plain", open},
		{"ssl-mode=preferred", "unknown", secure},
		{"ssl-mode=REQUIRED", "plain", none},
		{"ssl-mode=REQUIRED", "unknown", secure},
		{"SSL_MODE=required", "plain", none},
		{"sslmode=require", "plain", none},
		{"sslmode=require", "unknown", secure},
		{"useSSL=true", "plain", none},
		{"usessl=TRUE", "unknown", secure},
		{"requireSSL=true", "plain", none},
		{"useSSL=true&requireSSL=false", "plain", none},
		{"ssl=true", "plain", none},
		{"ssl=1", "unknown", secure},
		{"tls=skip-verify", "plain", none},
		{"tls=skip-verify", "unknown", secure},
		{"tls=true", "plain", none},
		{"tls=true", "unknown", none},
		{"tls=true&ssl-ca=CA", "known", secure},
		{"ssl-mode=VERIFY_IDENTITY", "unknown", none},
		{"ssl-mode=VERIFY_CA", "unknown", none},
		{"ssl-mode=REQUIRED&ssl-ca=CA", "unknown", none},
		{"ssl_ca=CA", "plain", none},
		{"ssl_ca=CA", "unknown", none},
		{"ssl-ca=CA", "known", secure},
		{"ssl-ca=ELSEWHERE", "elsewhere", secure},
		{"ssl-ca=ELSEWHERE&ssl-mode=verify_identity", "elsewhere", none},
		{"ssl-ca=CA&ssl-mode=verify-full", "known", secure},
		{"ssl=" + url.QueryEscape(`{"rejectUnauthorized":true}`), "unknown", none},
		{"ssl=" + url.QueryEscape(`{"rejectUnauthorized":false}`), "unknown", secure},
		{"ssl=" + url.QueryEscape(`{"rejectUnauthorized":false}`), "plain", none},
		{"ssl={}", "unknown", none},
		{"ssl=" + url.QueryEscape(`{"ca":"CA"}`), "known", secure},
	} {
		server := servers[c.server]
		user := "user" + strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
				return r
			}
			return -1
		}, c.query+c.server)
		_, port, _ := net.SplitHostPort(server.addr)
		query := strings.NewReplacer("ELSEWHERE", url.QueryEscape(caElsewhere), "=CA", "="+url.QueryEscape(ca), url.QueryEscape(`"CA"`), url.QueryEscape(`"`+ca+`"`)).Replace(c.query)
		_, err := Open(t.Context(), Options{URL: "mysql://" + user + ":x@localhost:" + port + "/db?" + query})
		refused, reached := errors.AsType[*mysql.MySQLError](err)
		got := none
		switch reached = reached && refused.Number == loginRefused; {
		case reached && server.heard(user):
			got = open
		case reached:
			got = secure
		}
		if got != c.want || got == none && server.heard(user) {
			t.Errorf("%s at a %s server: %s, want %s: %v", c.query, c.server, got, c.want, err)
		}
	}
}

// A parameter that is not understood is named, and so is one that contradicts
// another; nothing is connected to.
func TestURLParameters(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ url, named string }{
		{"mysql://u:secret@h/db?foo=bar", "foo"},
		{"mysql://u:secret@h/db?charset=latin1", "charset"},
		{"mysql://u:secret@h/db?ssl-cert=x", "ssl-cert"},
		{"mysql://u:secret@h/db?ssl-mode=MAYBE", "ssl-mode"},
		{"mysql://u:secret@h/db?tls=custom", "tls"},
		{"mysql://u:secret@h/db?useSSL=", "useSSL"},
		{"mysql://u:secret@h/db?ssl=%7B%27ca%27%3A%27x%27%7D", "ssl"},
		{"mysql://u:secret@h/db?ssl=%7B%22cert%22%3A%22x%22%7D", "ssl"},
		{"mysql://u:secret@h/db?ssl-ca=", "ssl-ca"},
		{"mysql://u:secret@h/db?useSSL=false&ssl-mode=REQUIRED", "useSSL"},
		{"mysql://u:secret@h/db?ssl-mode=DISABLED&ssl-ca=x", "ssl-mode"},
		{"postgres://u:secret@h/db?sslmode=maybe", "sslmode"},
		{"postgres://u:secret@h/db?ssl-ca=x", "ssl-ca"},
		{"postgres://u:secret@h/db?useSSL=true", "useSSL"},
		{"postgres://u:secret@h/db?sslmode=disable&ssl=true", "sslmode"},
		{"postgres://u:secret@h/db?sslmode=disable&sslmode=require", "sslmode"},
	} {
		_, err := ParseURL(c.url, "")
		if err == nil || !strings.Contains(err.Error(), "parameter "+c.named) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", c.url, err)
		}
	}
	for raw, mode := range map[string]string{
		"sslmode=verify-full": "verify-full", "SSLMODE=Verify_Full": "verify-full", "ssl-mode=REQUIRE": "require", "ssl=true": "require",
		"ssl=verify-ca": "verify-ca", "ssl=0": "disable",
	} {
		target, err := ParseURL("postgresql://u@h/db?"+raw+"&application_name=x", "")
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		u, err := url.Parse(target.dsn)
		if err != nil || u.Query().Get("sslmode") != mode || len(u.Query()) != 2 {
			t.Errorf("%s is %v, %v", raw, u, err)
		}
	}
}
