package conns

import "syscall"

// most is how many connections there are at most where files are plenty. A
// burst of 2,000 webhooks at once finds room, and 4,096 connections that each
// hold what a request's headers may take cost less than 200 MB together.
const most = 4096

// Most returns how many connections a process may well hold: three quarters of
// the files that it may open, since the database, the model and the platforms
// need some too, and at most 4,096.
func Most() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return most / 4
	}
	return int(min(most, max(files.Cur/4*3, 16)))
}
