// Package fakeslack is a Slack server that speaks the real protocol: the Web
// API methods that Parley uses, response URLs, and signed webhooks to send to
// Parley. It keeps what was posted and can misbehave on request, so that tests
// see what a person in the channel would see.
//
// It runs inside a test (New) or on its own (Start and Close); from another
// process, GET /fake/messages returns what was posted as JSON.
package fakeslack
