package platforms

import "context"

// Source delivers events without a public address, over connections that we
// open.
type Source interface {
	// Run delivers until ctx ends, and then returns nil; or until the platform
	// refuses for good, and says why. What deliver has returned nil for is
	// acknowledged, and nothing else: the platform delivers it again.
	Run(ctx context.Context, deliver func(ctx context.Context, in Inbound) error) error
	// Connection tells how it is connected.
	Connection() Connection
	// Probe asks the platform where to connect to, and does not connect. An
	// error of kind failure.Permanent is for good.
	Probe(ctx context.Context) error
}

// ConnectionState says whether a [Source] delivers.
type ConnectionState string

// The states of a connection.
const (
	Connecting ConnectionState = "connecting"
	Connected  ConnectionState = "connected"
	Failed     ConnectionState = "failed" // for good
)

// Connection is how a [Source] is connected.
type Connection struct {
	State ConnectionState
	Open  int    // connections that deliver
	Error string // why there is none, or one less; one line without secrets
	// Settled says that what had waited for the connections is stored, so that
	// nothing that is known was said after something that is still to come.
	Settled bool
}
