package platforms

import "time"

// Paced is a [Sender] whose platform documents how much it takes.
type Paced interface {
	Sender
	// Limits returns what a call at that address counts against. It makes no call.
	Limits(to Address, c Call) []Limit
}

// Tempo is a [Streamer] that says how often a message of its may change while it
// grows.
type Tempo interface {
	Streamer
	// EditEvery is the least time between two changes.
	EditEvery() time.Duration
}

// Keeper is a [Streamer] whose messages grow no more when they are left alone for long.
type Keeper interface {
	Streamer
	// KeepEvery is after how long without anything new Edit is called all the same.
	KeepEvery() time.Duration
}

// Call is a way of showing something, as far as platforms limit it by itself.
type Call uint8

// The calls.
const (
	CallSend  Call = iota // Send
	CallOpen              // Streamer.Open
	CallEdit              // Streamer.Edit
	CallClose             // Streamer.Close
)

// Limit is one documented limit.
type Limit struct {
	// Scope is whom it holds for. Calls with the same scope share it; it is also
	// what failure.Error names as its Scope when the platform says that it is
	// exceeded: "chat:C024BE91L", "workspace:T061EG9R6 chat.update".
	Scope string
	Every time.Duration // one call in so long, on average
	Burst int           // calls that may come at once; 0 counts as 1
}
