package mcp

import "syscall"

// endWithParent has a program end when Parley does, in whatever way: one that does not
// heed the end of its input would stay behind a kill -9.
func endWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
