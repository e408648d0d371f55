package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// echoOff keeps a terminal from showing what is typed. Where it cannot be told
// so, reading the secret does.
func echoOff(tty *os.File) {
	state, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		return
	}
	state.Lflag &^= unix.ECHO
	_ = unix.IoctlSetTermios(int(tty.Fd()), unix.TCSETS, state)
}
