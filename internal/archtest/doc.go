// Package archtest is the house's floor plan as a failing test: which room may
// import what, and why. Everything is in the test files, so nothing of it is in
// the binary. docs/ARCHITECTURE.md tells the story behind the rules.
//
// The linter knows most of these rules too. They are here as well because this
// test needs nothing but Go and says the reason.
package archtest
