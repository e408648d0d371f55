// Package conversation keeps conversations and their messages in SQLite,
// PostgreSQL or MySQL/MariaDB, behind one type:
// [PersistentConversationManager].
//
// # What a conversation is
//
// A [Key] names it. Two keys are the same conversation when tenant, user key,
// chat and thread are the same bytes; the database compares the SHA-256 of
// the four (column identity), so that no collation takes alice for Alice.
//
// Message ids count up within their conversation (conversations.next_id, in
// the commit that stores the message), are its order, and are never used again.
//
// # What readers do not see
//
// Two columns make big work small for everybody else:
//
//   - visible = 0 hides a conversation that is being filled by [PersistentConversationManager.Import]
//     or emptied by Delete. It lives under a random identity, so its real one
//     is free for somebody else at once.
//   - first_id hides the messages before it: Clear moves it up to next_id in
//     one small commit and removes the rows afterwards.
//
// Rows of hidden conversations and messages are removed in slices, each a
// commit of its own, so that nobody waits for more than one slice. What a crash
// leaves behind is found by [PersistentConversationManager.Sweep].
//
// # Files
//
// An export file is read piece by piece, twice: all of it is checked before
// anything is stored (see [PersistentConversationManager.ImportFrom]). Neither
// import nor backup holds more of a conversation in memory than a slice.
//
// A backup is taken up where an earlier run into the same directory ended: a
// file is left alone when its checksum is right and it begins with the
// conversation's row as it is now. So whatever changes messages must change a
// counter or last_activity too.
//
// # Saving
//
// On SQLite what many callers save at the same time goes through few
// statements in one commit ([PersistentConversationManager.SaveMessage]); on the
// servers each call is a transaction. [PersistentConversationManager.SaveTx]
// takes part in the caller's transaction on all of them.
//
// # Tokens
//
// token_ledger counts the tokens of messages by user key and time, commands
// apart. Clearing or deleting a conversation gives nothing back. Budgets are
// checked against what models report, see gateway/usage.
//
// # Sessions
//
// [Session] is the small interface for programs that only want memory for an
// agent; see [OpenSession], [NewMemorySession] and
// [PersistentConversationManager.Session].
package conversation
