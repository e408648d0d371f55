// Package signin lets the admin in: with the token in a header, with a session
// that a browser's cookie stands for, or with a link that is good once. It owns
// the table sign_ins, so that a session holds on every replica and ends on all.
//
// The keys that sign links and cookies are derived from the token: a new token
// ends every session and every link. A link is made without the database, by
// whoever can read the token; that it was used stands there.
//
// Wrong tokens are counted, logged once a minute, and answered the more slowly
// the more come from one address. Nobody is ever shut out for what others did:
// behind a proxy that is not named as trusted everybody has its address.
package signin
