// Package database opens SQLite, PostgreSQL and MySQL/MariaDB by URL and hides
// what differs between them from the rooms that own tables.
//
// All writes go through [DB.Write]. On SQLite, where there is one writer,
// concurrent callers share one commit, so that the cost of a flush to disk is
// paid once for many; on the servers each call is a transaction of its own.
// Reads use [DB.Read]. A function given to Write may run twice and must touch
// nothing but its transaction.
//
// SQL goes through [DB.Exec], [DB.Insert], [DB.Query] and [DB.QueryRow], which
// leave arguments out of the text: an engine then parses each text once for
// each connection. bun knows the dialects and runs the migrations.
package database
