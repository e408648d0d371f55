// Package inbox is where events wait for their turn. It owns the tables events
// (the ledger) and lanes.
//
// A lane is the queue of one conversation. Accepting an event and putting it
// into its lane is one commit, made before the platform gets its 200. A worker
// claims a lane under a lease, so events of one conversation are answered in
// order and those of different conversations in parallel. What a worker did
// counts only if it still holds the lease when it commits.
//
// lanes.ready_at says when a lane may be claimed: at once for waiting work,
// later for work that failed, when the lease ends for claimed work, and never
// (NULL) when nothing is open. An expired lease therefore needs no sweeper.
//
// Who needs no lease (admins, the command line, erasure) has the [Ledger] alone;
// an [Inbox] is the ledger with the lanes.
package inbox
