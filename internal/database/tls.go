package database

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
)

// tlsMode is what a mysql:// URL asks of the connection; a later one asks for more.
type tlsMode int

const (
	tlsUnsaid tlsMode = iota
	tlsOff
	tlsPrefer     // encrypted where the server can, whoever it is
	tlsRequire    // encrypted, whoever it is
	tlsVerifyCA   // by a server with a certificate of somebody known
	tlsVerifyFull // and in that host's name
)

// tlsWish is a mode and whose certificates are known.
type tlsWish struct {
	mode tlsMode
	ca   string // file; "" = those of the machine
}

// mysqlTLS reads the parameters of a mysql:// URL with which the drivers of all
// languages are told about TLS, in any case and with _ for -. Nothing is
// understood halfway: a parameter or value that is not known is an error, since
// ignoring it could mean a connection that everybody can read.
func mysqlTLS(q url.Values) (w tlsWish, err error) {
	off := ""
	for _, name := range sortedKeys(q) {
		for _, value := range q[name] {
			one, err := readTLS(strings.ReplaceAll(strings.ToLower(name), "_", "-"), value)
			if err != nil {
				return w, fmt.Errorf("%w: parameter %s: %w", errURL, name, err)
			}
			if one.mode == tlsOff {
				off = name
			}
			w.mode = max(w.mode, one.mode)
			if one.ca != "" {
				w.ca = one.ca
			}
		}
	}
	if off != "" && w.mode > tlsOff {
		return w, fmt.Errorf("%w: parameter %s asks for no TLS, and another one asks for TLS", errURL, off)
	}
	return w, nil
}

func sortedKeys(q url.Values) []string {
	keys := make([]string, 0, len(q))
	for key := range q {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func readTLS(name, value string) (w tlsWish, err error) {
	switch name {
	case "tls":
		w.mode, err = oneOf(value, map[string]tlsMode{
			"true": tlsVerifyFull, "1": tlsVerifyFull, "false": tlsOff, "0": tlsOff, "skip-verify": tlsRequire, "preferred": tlsPrefer,
		})
	case "ssl-mode", "sslmode":
		w.mode, err = oneOf(value, map[string]tlsMode{
			"disabled": tlsOff, "disable": tlsOff, "preferred": tlsPrefer, "prefer": tlsPrefer, "required": tlsRequire, "require": tlsRequire,
			"verify-ca": tlsVerifyCA, "verify-identity": tlsVerifyFull, "verify-full": tlsVerifyFull,
		})
	case "usessl":
		w.mode, err = oneOf(value, map[string]tlsMode{"true": tlsRequire, "1": tlsRequire, "false": tlsOff, "0": tlsOff})
	case "requiressl":
		w.mode, err = oneOf(value, map[string]tlsMode{"true": tlsRequire, "1": tlsRequire, "false": tlsUnsaid, "0": tlsUnsaid})
	case "ssl":
		return readSSL(value)
	case "ssl-ca":
		if value == "" {
			return w, errors.New("it names no file")
		}
		return tlsWish{tlsVerifyCA, value}, nil
	default:
		return w, errors.New("it is unknown; known are tls, ssl-mode, useSSL, requireSSL, ssl and ssl-ca")
	}
	return w, err
}

func oneOf[T any](value string, modes map[string]T) (mode T, err error) {
	mode, ok := modes[strings.ReplaceAll(strings.ToLower(value), "_", "-")]
	if !ok {
		names := make([]string, 0, len(modes))
		for name := range modes {
			names = append(names, name)
		}
		slices.Sort(names)
		return mode, fmt.Errorf("%q is none of %s", value, strings.Join(names, ", "))
	}
	return mode, nil
}

// readSSL reads what drivers for JavaScript and Python have under ssl: yes or
// no, or an object. As there, an object verifies the server unless it says
// otherwise.
func readSSL(value string) (tlsWish, error) {
	if !strings.HasPrefix(strings.TrimSpace(value), "{") {
		mode, err := oneOf(value, map[string]tlsMode{"true": tlsRequire, "1": tlsRequire, "false": tlsOff, "0": tlsOff})
		return tlsWish{mode: mode}, err
	}
	o := struct {
		Verify *bool  `json:"rejectUnauthorized"`
		CA     string `json:"ca"`
	}{}
	in := json.NewDecoder(strings.NewReader(value))
	in.DisallowUnknownFields()
	if err := in.Decode(&o); err != nil || in.More() {
		return tlsWish{}, errors.New(`its object may hold "rejectUnauthorized" (true or false) and "ca" (a file)`)
	}
	if o.Verify != nil && !*o.Verify {
		if o.CA != "" {
			return tlsWish{}, errors.New(`"ca" and "rejectUnauthorized": false contradict each other`)
		}
		return tlsWish{mode: tlsRequire}, nil
	}
	return tlsWish{tlsVerifyFull, o.CA}, nil
}

// postgresTLS brings the parameters about TLS into the form that PostgreSQL's
// driver knows, whatever case and signs they are written in. What it would hand
// on to the server as a setting, after a connection in the clear, is an error.
func postgresTLS(q url.Values) error {
	for _, name := range sortedKeys(q) {
		key := strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
		if !strings.Contains(key, "ssl") && !strings.Contains(key, "tls") {
			continue
		}
		value, twice := q.Get(name), len(q[name]) > 1
		switch key {
		case "ssl": // asyncpg's spelling
			key = "sslmode"
		case "sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslsni", "sslnegotiation":
		default:
			return fmt.Errorf("%w: parameter %s is not known; known are sslmode, sslrootcert, sslcert, sslkey, sslpassword, sslsni and sslnegotiation", errURL, name)
		}
		if key == "sslmode" {
			mode, err := oneOf(value, postgresModes())
			if err != nil {
				return fmt.Errorf("%w: parameter %s: %w", errURL, name, err)
			}
			value = mode
		}
		q.Del(name)
		if q.Has(key) {
			twice = true
		}
		q.Set(key, value)
		if twice {
			return fmt.Errorf("%w: parameter %s is set twice", errURL, key)
		}
	}
	return nil
}

// postgresModes are the modes by what people write.
func postgresModes() map[string]string {
	return map[string]string{
		"disable": "disable", "allow": "allow", "prefer": "prefer", "require": "require", "verify-ca": "verify-ca", "verify-full": "verify-full",
		"true": "require", "1": "require", "false": "disable", "0": "disable",
	}
}

// config returns what the driver is given; nil for a plain connection.
func (w tlsWish) config() (*tls.Config, error) {
	if w.mode <= tlsOff {
		return nil, nil //nolint:nilnil // no TLS
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if w.ca != "" {
		text, err := os.ReadFile(w.ca)
		if err != nil {
			return nil, fmt.Errorf("the ssl-ca file cannot be read: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, errors.New("the ssl-ca file contains no certificate in PEM format")
		}
	}
	switch w.mode {
	case tlsPrefer, tlsRequire:
		c.InsecureSkipVerify = true // asked for
	case tlsVerifyCA:
		c.InsecureSkipVerify = true // the chain is verified below, and the name is not asked for
		c.VerifyConnection = func(s tls.ConnectionState) error { return verifyChain(s, c.RootCAs) }
	case tlsUnsaid, tlsOff, tlsVerifyFull:
	}
	return c, nil
}

// verifyChain verifies a certificate in whoever's name.
func verifyChain(s tls.ConnectionState, roots *x509.CertPool) error {
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range s.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(o)
	return err
}
