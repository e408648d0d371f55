// Package upgrade proves that the version before goes on: it builds that
// version out of the history, lets it fill a database, and holds every answer of
// this version on it to the answer of the version before.
//
// What is said is a table in story_test.go; what the contract has changed since
// stands in changed_test.go, with the reason.
package upgrade
