// Package erasure erases what is kept about a person who asks for it. It owns
// the table erasures.
//
// The commit that answers "/forget-me yes" takes out of sight what others could
// still see, and notes what is left to do. The rest waits until that answer is
// shown, since the event and its delivery are needed for as long: then the rows
// of the conversations go, what the person wrote in rooms, what the ledger of
// events holds, and that event's own rows last, because they say whose the rest
// is. Turns of others that were on meanwhile may have read what went: they are
// waited for, and what they have stored beside their messages goes as well. Every
// step may be taken twice, so that a process that ends in between is followed by
// one that goes on.
//
// Of a conversation that is cleared or deleted otherwise the ledger and the
// deliveries lose their texts. On SQLite, what was deleted leaves the files last.
//
// What stays: hashed keys by which a repeated delivery is known, until the
// ledger is trimmed, and token counts under a hash, until the budget's period
// ends. Archives and backups that were written to files are not touched.
package erasure
