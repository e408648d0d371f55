// Package walbuffer writes the frames of a SQLite commit in few large pieces.
//
// SQLite writes its write-ahead log page by page, two system calls for each:
// a header of 24 bytes and the page. A commit that many callers share touches
// hundreds of pages, and entering the kernel for each took two fifths of the
// writer's processor time. So a connection opened with vfs=[Name] puts a layer
// between SQLite and its own file layer (https://www.sqlite.org/vfs.html, "VFS
// shims") that gathers what is appended to the log.
//
// Nothing else changes, because gathered frames are in the file before anybody
// could look for them:
//
//   - From the header of a commit's last frame on, which carries the mark of a
//     commit (https://www.sqlite.org/fileformat2.html#the_write_ahead_log),
//     everything goes straight through, and what was gathered goes first. So a
//     transaction is in the file, whole and in order, before SQLite flushes the
//     file and before it tells other connections about the transaction.
//   - A read, a truncation or a question for the size by the same connection
//     sends what was gathered ahead.
//   - What a transaction that is rolled back leaves behind is dropped before the
//     write lock is given up; later it could hit another writer's frames.
//
// A power cut or a kill finds what it would have found anyway: an unfinished
// transaction that is not in the log, or in parts, and is ignored.
package walbuffer
