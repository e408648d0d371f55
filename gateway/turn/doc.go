// Package turn answers the oldest waiting events of one conversation: with a
// command or with the AI. No transaction is open while the model thinks; what
// it said becomes true in one commit, together with the delivery that will
// show it.
package turn
