// Package archive is the form of conversations in files: exports, and the files of
// backups, which hold what the next prompt is made from too and end in a checksum.
//
// A file is written and read piece by piece, so that no more than one message of
// it is in memory ([Writer], [Source.Scan]), and it appears in its directory whole
// or not at all ([WriteFile]). Which conversations these are, and what is stored of
// a file that was read, package conversation knows.
package archive
