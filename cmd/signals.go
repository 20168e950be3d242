package cmd

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"freshet/jobs/supervisor"
)

// Signals is a context that ends at Ctrl-C (SIGINT) or SIGTERM. After that a Ctrl-C ends the program at
// once, unless its command listens for it. Another SIGTERM says nothing new: a supervisor may send one to
// what the kernel has told already.
func Signals() (ctx context.Context, stop context.CancelFunc) {
	ctx, stopTerm := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	ctx, stopInt := signal.NotifyContext(ctx, os.Interrupt)
	context.AfterFunc(ctx, stopInt)
	return ctx, func() { stopInt(); stopTerm() }
}

// hurry is the part of a program that notices a Ctrl-C after the program was told to leave, and closes
// the channel then: it is not to wait for what runs. One more ends the program at once. The part goes
// before the others, since it has to outlast them.
func hurry() (hurried <-chan struct{}, part supervisor.Part) {
	signals, set := make(chan os.Signal, 8), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	return set, supervisor.Part{Name: "signals", Run: func(ctx context.Context) error {
		defer signal.Stop(signals)
		for told := false; ; told = true {
			select {
			case <-ctx.Done():
				return nil
			case sent := <-signals:
				if told && sent == os.Interrupt {
					signal.Stop(signals)
					close(set)
					<-ctx.Done()
					return nil
				}
			}
		}
	}}
}
