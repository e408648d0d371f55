// Parley is a chat gateway; see the README.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // the container image has no time zones of its own

	"github.com/parley-bot/parley/internal/cli"
)

// version is set by release builds: -ldflags "-X main.version=v1.2.3".
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	streams := cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Interrupts: interrupts}
	code := cli.Run(ctx, version, streams, os.Args[1:], os.Environ())
	stop()
	os.Exit(code)
}
