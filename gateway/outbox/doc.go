// Package outbox shows replies, each part once. It owns the tables deliveries
// and delivery_parts.
//
// The parts of a reply are stored in the commit that makes it, the first one
// already marked as being sent: whatever happens to the process from there on,
// the ledger knows that the platform may have it. Each confirmation marks the
// next part as being sent in the same commit. A part whose outcome is unknown
// (the process died, the connection was cut) is looked for on the platform
// before it is sent again, and what cannot be known is never repeated. A file
// that the platform refuses gives way to the reply's text.
package outbox
