package database

import (
	"crypto/sha256"
	"encoding/binary"
)

// Hash returns the SHA-256 of length-prefixed parts. Identities are compared
// by it: MySQL's usual collations take "alice" and "Alice" for one, and long
// identifiers do not fit an index.
func Hash(parts ...string) []byte {
	h := sha256.New()
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}
