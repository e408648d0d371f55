package fakefeishu

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the old card callback is signed with it
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// PlainRequest is a webhook of an app without an encrypt key.
func PlainRequest(body []byte) (http.Header, []byte) {
	return jsonHeader(), body
}

// SignedRequest is a webhook of an app with an encrypt key: body encrypted and
// signed as of now.
// https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case
func SignedRequest(key string, now time.Time, body []byte) (http.Header, []byte) {
	encrypted := Encrypt(key, body)
	return Sign(key, now, encrypted), encrypted
}

// ChallengeRequest is how the developer console asks whether the address is
// ours: unsigned, and encrypted when there is a key ("" = none).
func ChallengeRequest(key, token, challenge string) (http.Header, []byte) {
	body := mustJSON(map[string]string{"challenge": challenge, "token": token, "type": "url_verification"})
	if key != "" {
		body = Encrypt(key, body)
	}
	return jsonHeader(), body
}

// LegacyCardRequest is a card callback of the old form: plain, and signed with
// the verification token.
func LegacyCardRequest(token string, now time.Time, body []byte) (http.Header, []byte) {
	stamp, nonce := strconv.FormatInt(now.Unix(), 10), newNonce()
	sum := sha1.Sum([]byte(stamp + nonce + token + string(body))) //nolint:gosec // as Feishu does
	return signedHeader(stamp, nonce, hex.EncodeToString(sum[:])), body
}

// Sign returns the headers for a body that is sent as it is.
func Sign(key string, now time.Time, body []byte) http.Header {
	stamp, nonce := strconv.FormatInt(now.Unix(), 10), newNonce()
	sum := sha256.Sum256([]byte(stamp + nonce + key + string(body)))
	return signedHeader(stamp, nonce, hex.EncodeToString(sum[:]))
}

// Encrypt returns {"encrypt":…}: AES-256-CBC under the SHA-256 of the key, the
// random IV in front, PKCS #7 padding, base64.
func Encrypt(key string, plain []byte) []byte {
	hashed := sha256.Sum256([]byte(key))
	block, err := aes.NewCipher(hashed[:])
	if err != nil { // a key of 32 bytes is always right
		panic(err)
	}
	padding := aes.BlockSize - len(plain)%aes.BlockSize
	padded := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(padding)}, padding)...)
	out := make([]byte, aes.BlockSize+len(padded))
	iv := out[:aes.BlockSize]
	_, _ = rand.Read(iv) // never fails

	cbc := cipher.NewCBCEncrypter(block, iv) //nolint:gosec // the IV has just been filled
	cbc.CryptBlocks(out[aes.BlockSize:], padded)
	return mustJSON(map[string]string{"encrypt": base64.StdEncoding.EncodeToString(out)})
}

func signedHeader(stamp, nonce, signature string) http.Header {
	h := jsonHeader()
	h.Set("X-Lark-Request-Timestamp", stamp)
	h.Set("X-Lark-Request-Nonce", nonce)
	h.Set("X-Lark-Signature", signature)
	return h
}

func jsonHeader() http.Header {
	return http.Header{"Content-Type": {"application/json; charset=utf-8"}}
}

func newNonce() string { return rand.Text()[:16] }

// mustJSON marshals what always can be.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
