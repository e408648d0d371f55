// Package breaker keeps work from being burnt on an endpoint that does not
// answer: a model, a platform's API, a callback.
//
// After several passing faults in a row an endpoint's circuit opens: for a
// while nobody calls it, and who wants to is told when to come back. Then it is
// half open, and one call is let through, whose outcome closes the circuit or
// opens it again, for twice as long. When an endpoint itself says how long to wait (Retry-After
// and its like), that holds for everybody who calls it, and wins.
//
// Circuits live in this process alone: each replica finds out for itself.
package breaker
