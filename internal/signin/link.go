package signin

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/url"
	"time"
)

// LinkTime is how long a sign-in link is good for.
const LinkTime = 10 * time.Minute

// Why a link does not sign anybody in.
var (
	ErrBadLink  = errors.New("this sign-in link is not from this server")
	ErrOldLink  = errors.New("this sign-in link has expired")
	ErrUsedLink = errors.New("this sign-in link has already been used")
)

// codes makes and checks what only who knows the token can make: a time, a
// random part, and a signature over both.
type codes struct{ key []byte }

const (
	codeTime   = 8
	codeRandom = 16
	codeLen    = codeTime + codeRandom + sha256.Size
)

// codesFor returns the codes of one kind; those of another kind are none of it.
func codesFor(token, kind string) codes {
	key, err := hkdf.Key(sha256.New, []byte(token), nil, "parley "+kind, sha256.Size)
	if err != nil || token == "" {
		return codes{}
	}
	return codes{key}
}

func (c codes) make(ends time.Time) string {
	code := binary.BigEndian.AppendUint64(nil, uint64(ends.Unix()))
	random := make([]byte, codeRandom)
	_, _ = rand.Read(random) // never fails
	code = append(code, random...)
	return base64.RawURLEncoding.EncodeToString(append(code, c.sign(code)...))
}

// read returns when a code ends and the hash that it is known by.
func (c codes) read(text string) (ends time.Time, id []byte, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != codeLen || c.key == nil {
		return time.Time{}, nil, false
	}
	said, signature := raw[:codeTime+codeRandom], raw[codeTime+codeRandom:]
	if !hmac.Equal(signature, c.sign(said)) {
		return time.Time{}, nil, false
	}
	sum := sha256.Sum256(said)
	return time.Unix(int64(binary.BigEndian.Uint64(said)), 0), sum[:], true
}

func (c codes) sign(said []byte) []byte {
	mac := hmac.New(sha256.New, c.key)
	mac.Write(said)
	return mac.Sum(nil)
}

// Link returns the address, below that of the server, that signs in who opens it.
func Link(base, token string, now time.Time) string {
	code := codesFor(token, "sign-in link").make(now.Add(LinkTime))
	return base + "/login?" + url.Values{"link": {code}}.Encode()
}
