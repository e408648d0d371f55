// Package gateway is the way of a message: accepted and stored by the inbox,
// answered by a turn, shown by the outbox.
//
//	inbox   one durable commit before the 200: event, dedupe keys, lane
//	turn    the oldest unanswered events of one conversation, a command or the
//	        AI, one commit: messages, reply, counters, event states, delivery
//	outbox  the delivery's parts, shown once each
//
// Data moves one way. After a crash every step is taken again from what the
// database holds, and taking it twice has no second effect outside.
package gateway
