// Package conversation keeps conversations and their messages in SQLite,
// PostgreSQL or MySQL/MariaDB, behind one type:
// [PersistentConversationManager].
//
// It is the store. What it keeps are the plain values of package message, which
// have the same names here; their form in files is package archive, what tokens
// they took is counted by package tokens, and package session is for programs that
// only want memory for an agent.
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
// So what is no longer wanted is hidden by remove.go, which tells others of it
// (gone.go), and removed by sweep.go; retention.go chooses what is too old, and
// vacuum.go gives the space back.
//
// # Searching
//
// [PersistentConversationManager.Search] ranks messages as package recall says.
// It reads message_blocks, one row for each 256 ids, and the messages where a row
// is missing. [PersistentConversationManager.Index] makes the rows behind the commits that fill them; who
// removes a message removes its row in the same commit.
//
// # Files
//
// An export file is read piece by piece, twice: all of it is checked before
// anything is stored (see [PersistentConversationManager.ImportFrom]). Neither
// import nor backup holds more of a conversation in memory than a slice.
//
// A backup is taken up where an earlier run into the same directory ended: a
// file is left alone when its checksum is right and it holds the conversation as it
// is now.
//
// # Saving
//
// On SQLite what many callers save at the same time goes through few
// statements in one commit ([PersistentConversationManager.SaveMessage]); on the
// servers each call is a transaction. [PersistentConversationManager.SaveTx]
// takes part in the caller's transaction on all of them.
package conversation
