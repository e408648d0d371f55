// Package load measures the program as a whole: durable webhooks beside a bare
// handler, and the way from accepted to sent. docs/benchmarks.md says how to
// repeat the figures.
package load
