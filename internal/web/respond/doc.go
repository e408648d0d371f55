// Package respond holds what every HTTP answer of the program shares: JSON
// bodies, the one form of an error, server-sent events, and the rule that says
// whether a request comes from this very machine. It knows net/http only, so
// that the rooms behind the web room need no framework.
package respond
