//go:build unix

package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"freshet/jobs/process/lifeline"
	"freshet/jobs/process/shim"
)

// Start runs a command. It returns when the command was executed, or could not be: ErrNotFound,
// ErrInvalid, or what the system answered. The context bounds the start alone; a child that has started
// is ended by Stop or Kill, by its lease, or by the end of this process.
func Start(ctx context.Context, s Spec) (*Child, error) {
	command, err := s.command()
	if err != nil {
		return nil, fmt.Errorf("start child: %w", err)
	}
	c, err := launch(s)
	if err != nil {
		return nil, fmt.Errorf("start child: %w", err)
	}
	if err := c.begin(ctx, command); err != nil {
		c.streams.abandon()
		return nil, fmt.Errorf("start child: %w", err)
	}
	c.streams.pump()
	go c.attend()
	return c, nil
}

// launch starts a shim that waits for its command.
func launch(s Spec) (*Child, error) {
	path, err := binary()
	if err != nil {
		return nil, err
	}
	st, err := openStreams(s.Stdin, s.Stdout, s.Stderr)
	if err != nil {
		return nil, err
	}
	if err := st.giveTo(s.User); err != nil {
		st.abandon()
		return nil, err
	}
	ours, theirs, err := lifeline.Pair()
	if err != nil {
		st.abandon()
		return nil, err
	}
	defer theirs.Close()
	started := time.Now()
	process, err := shims.spawn(path, []string{shim.Name}, &os.ProcAttr{
		Env:   []string{},
		Files: []*os.File{st.theirs[0], st.theirs[1], st.theirs[2], lifeline.FD: theirs},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		st.abandon()
		_ = ours.Close()
		return nil, fmt.Errorf("start shim: %w", err)
	}
	st.handedOver()
	return &Child{
		line: lifeline.NewWorker(ours), shim: process, streams: st,
		grace: max(s.Grace, 0), started: started, done: make(chan struct{}),
	}, nil
}

// begin sends the command and waits for the shim's answer. After an error nothing of the child is left.
func (c *Child) begin(ctx context.Context, command lifeline.Command) error {
	interrupt := context.AfterFunc(ctx, func() { _ = c.line.SetDeadline(time.Now()) })
	// If this fails, the shim may still have said why.
	sent := c.line.Run(command)
	word, err := c.line.Receive()
	if !interrupt() {
		return errors.Join(context.Cause(ctx), c.bury())
	}
	switch answer := word.(type) {
	case lifeline.Started:
		c.pid = answer.PID
		return nil
	case lifeline.NotRun:
		c.reap()
		return notRun(command, answer)
	default:
		return errors.Join(fmt.Errorf("%w: %w", ErrLost, errors.Join(sent, err)), c.bury())
	}
}

// notRun says why the shim did not execute a command.
func notRun(command lifeline.Command, answer lifeline.NotRun) error {
	if answer.Errno == 0 {
		return errors.New(answer.Op)
	}
	if answer.Errno != syscall.EACCES {
		return refused(answer.Op, answer.Errno)
	}
	if err := barred(command); err != nil {
		return err
	}
	err := refused(answer.Op, answer.Errno)
	if command.Sandbox != nil {
		err = fmt.Errorf("%w; its sandbox may be what keeps it from the interpreter", err)
	}
	return err
}
