package cmd_test

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// signalContext ends at the signals that end the program.
func signalContext() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}
