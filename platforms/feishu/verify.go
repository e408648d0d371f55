package feishu

import (
	"bytes"
	"cmp"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/parley-bot/parley/internal/lenient"

	larkcard "github.com/larksuite/oapi-sdk-go/v3/card"
	larkevent "github.com/larksuite/oapi-sdk-go/v3/event"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/platforms"
)

// A signature is fresh from maxAge ago to maxAhead of us. Feishu repeats an
// event for about seven hours, and a repeat may carry the first attempt's
// time; the event id stops a replay inside that window.
const (
	maxAge   = 8 * time.Hour
	maxAhead = 5 * time.Minute
)

var (
	errNoSecret   = failure.New(failure.Unauthorized, "no_secret", "this platform has no encrypt key and no verification token", nil)
	errUnsigned   = failure.New(failure.Unauthorized, "unsigned", "the signature headers are missing", nil)
	errStale      = failure.New(failure.Unauthorized, "stale", "the signature's timestamp is too old or too far in the future", nil)
	errSignature  = failure.New(failure.Unauthorized, "bad_signature", "the signature is wrong", nil)
	errPlain      = failure.New(failure.Unauthorized, "not_encrypted", "the body is not encrypted", nil)
	errEncrypted  = failure.New(failure.Unauthorized, "encrypted", "the body is encrypted and this platform has no encrypt key", nil)
	errUndecipher = failure.New(failure.Unauthorized, "not_decrypted", "the body cannot be decrypted", nil)
	errToken      = failure.New(failure.Unauthorized, "bad_token", "the verification token is wrong", nil)
	errApp        = failure.New(failure.Unauthorized, "wrong_app", "the event is for another app", nil)
	errNotJSON    = failure.New(failure.Invalid, "invalid_body", "the body is not a Feishu event", nil)
)

// proof says what a request's signature was made with.
type proof uint8

const (
	noProof proof = iota
	// byToken is SHA-1 with the verification token: card callbacks of the old form only.
	byToken
	// byKey is SHA-256 with the encrypt key.
	byKey
)

// envelope is the outside of every body Feishu sends, decrypted.
type envelope struct {
	Encrypt word `json:"encrypt"`

	// Schema 2.0.
	Header *header `json:"header"`
	// Schema 1 and the challenge.
	Type      word `json:"type"`
	Challenge word `json:"challenge"`
	Token     word `json:"token"`
	UUID      word `json:"uuid"`
	TS        word `json:"ts"`
	// Both schemas.
	Event json.RawMessage `json:"event"`
	// The old card callback, which has no envelope of its own.
	legacyCard
}

// header is that of schema 2.0.
type header struct {
	EventID    word `json:"event_id"`
	EventType  word `json:"event_type"`
	AppID      word `json:"app_id"`
	TenantKey  word `json:"tenant_key"`
	CreateTime word `json:"create_time"`
	Token      word `json:"token"`
}

func (e *envelope) isChallenge() bool  { return e.Type.String() == string(larkevent.ReqTypeChallenge) }
func (e *envelope) isLegacyCard() bool { return e.Header == nil && e.Type == "" && e.Action != nil }

// maxChallenge is how long a body may be that comes without a signature where
// everything but the challenge is signed, in bytes.
const maxChallenge = 8 << 10

// Precheck implements [platforms.Prechecker]. Headers alone rarely condemn what
// Feishu sends: the challenge comes unsigned, and without an encrypt key every
// event does. But a challenge is short.
func (a *Adapter) Precheck(h http.Header, now time.Time) (most int64, err error) {
	if a.opts.EncryptKey == "" && a.opts.VerificationToken == "" {
		return 0, errNoSecret
	}
	if a.opts.EncryptKey == "" || a.signedAt(h, now) == nil {
		return 0, nil
	}
	return maxChallenge, nil
}

// signedAt checks that h has a signature's headers, with a fresh time.
func (a *Adapter) signedAt(h http.Header, now time.Time) error {
	if h.Get(larkevent.EventRequestTimestamp) == "" || h.Get(larkevent.EventRequestNonce) == "" || h.Get(larkevent.EventSignature) == "" {
		return errUnsigned
	}
	if !a.fresh(h.Get(larkevent.EventRequestTimestamp), now) {
		return errStale
	}
	return nil
}

// open verifies a request and returns its decrypted envelope.
func (a *Adapter) open(r platforms.Request) (*envelope, error) {
	if a.opts.EncryptKey == "" && a.opts.VerificationToken == "" {
		return nil, errNoSecret
	}
	p, unproven := a.prove(r)
	env, err := a.read(r.Body)
	if err != nil && p == noProof && a.opts.EncryptKey != "" {
		return nil, unproven // do not tell a stranger what is wrong with the body
	}
	if failure.CodeOf(err) == errUndecipher.Code && p == byKey { // who signs it has another key in mind, or broke it
		return nil, failure.New(failure.Invalid, errUndecipher.Code, errUndecipher.Safe, err)
	}
	if err != nil {
		return nil, err
	}
	if err := a.authenticate(env, p, unproven); err != nil {
		return nil, err
	}
	return env, nil
}

// prove checks the signature over the raw body; the error says why there is no proof.
// https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case
func (a *Adapter) prove(r platforms.Request) (proof, error) {
	stamp := r.Header.Get(larkevent.EventRequestTimestamp)
	nonce := r.Header.Get(larkevent.EventRequestNonce)
	signature := r.Header.Get(larkevent.EventSignature)
	if err := a.signedAt(r.Header, r.Now); err != nil {
		return noProof, err
	}
	if key := a.opts.EncryptKey; key != "" && equal(signature, larkevent.Signature(stamp, nonce, key, string(r.Body))) {
		return byKey, nil
	}
	if token := a.opts.VerificationToken; token != "" && equal(signature, larkcard.Signature(stamp, nonce, token, string(r.Body))) {
		return byToken, nil
	}
	return noProof, errSignature
}

func (a *Adapter) fresh(stamp string, now time.Time) bool {
	if len(stamp) > 12 || strings.Trim(stamp, "0123456789") != "" {
		return false
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return false
	}
	if now.IsZero() {
		now = a.opts.Now()
	}
	age := now.Sub(time.Unix(seconds, 0))
	return age <= maxAge && age >= -maxAhead
}

// read decrypts and parses the body.
func (a *Adapter) read(body []byte) (*envelope, error) {
	env, err := parseEnvelope(body)
	if err != nil {
		return nil, err
	}
	switch encrypted, haveKey := env.Encrypt != "", a.opts.EncryptKey != ""; {
	case !encrypted && !haveKey:
		return env, nil
	case !encrypted:
		return nil, errPlain
	case !haveKey:
		return nil, errEncrypted
	}
	plain, err := decrypt(env.Encrypt.String(), a.opts.EncryptKey)
	if err != nil {
		return nil, err
	}
	return parseEnvelope(plain)
}

func parseEnvelope(body []byte) (*envelope, error) {
	var env *envelope
	err := lenient.Decode(body, &env)
	if err != nil || !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return nil, failure.New(failure.Invalid, errNotJSON.Code, errNotJSON.Safe, err)
	}
	return env, nil
}

// decrypt is the SDK's decryption, which panics on some plain texts that hold
// a "}" before their first "{".
func decrypt(encrypted, key string) (plain []byte, err error) {
	defer func() {
		if recover() != nil {
			plain, err = nil, errUndecipher
		}
	}()
	plain, err = larkevent.EventDecrypt(encrypted, key)
	if err != nil {
		return nil, failure.New(failure.Unauthorized, errUndecipher.Code, errUndecipher.Safe, err)
	}
	return plain, nil
}

// authenticate decides whether the proof is enough for this kind of body.
func (a *Adapter) authenticate(env *envelope, p proof, unproven error) error {
	switch {
	case env.isChallenge():
		// The challenge comes unsigned: that it decrypts and knows the token has to do.
		return a.checkToken(env.Token.String())
	case env.isLegacyCard():
		// Its "token" is for updating the card and proves nothing.
		return unproven
	case a.opts.EncryptKey != "" && p != byKey:
		return cmp.Or(unproven, error(errSignature))
	}
	token, app := env.Token, env.v1App()
	if env.Header != nil {
		token, app = env.Header.Token, env.Header.AppID
	}
	if err := a.checkToken(token.String()); err != nil {
		return err
	}
	if app.String() != a.opts.AppID {
		return errApp
	}
	return nil
}

func (a *Adapter) checkToken(token string) error {
	if a.opts.VerificationToken != "" && !equal(token, a.opts.VerificationToken) {
		return errToken
	}
	return nil
}

// v1App returns the app that a schema 1 event is for.
func (e *envelope) v1App() word {
	var event struct {
		AppID word `json:"app_id"`
	}
	_ = lenient.Decode(e.Event, &event) // no event is none of ours
	return event.AppID
}

func equal(got, want string) bool {
	return subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
}
