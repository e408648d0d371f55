//go:build !linux

package cli

import "os"

// echoOff leaves it to the reading of the secret: what is typed between the
// prompt and that is shown.
func echoOff(*os.File) {}
