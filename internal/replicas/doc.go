// Package replicas knows which servers run on a database. It owns the table
// replicas.
//
// A server writes itself into the table before it works, and its time every few
// seconds. Who changes the schema looks there first: beside a running replica
// the tables it works on may be neither changed nor dropped. On SQLite, which
// is for one server at a time, the lock of the file tells whether it lives, and
// the row only its version. Servers of versions before this table are seen by
// their connections.
package replicas
