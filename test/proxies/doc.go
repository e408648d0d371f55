// Package proxies holds tests of the whole program behind real proxies: what a
// stranger gets through them, and that the configurations of docs/proxy.md do
// what it says. They are passed over where nginx or HAProxy is not installed,
// unless PARLEY_REQUIRE_PROXIES is set.
package proxies
