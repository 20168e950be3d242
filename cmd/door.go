package cmd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"freshet/jobs/supervisor"
)

const (
	// firstInherited is the descriptor of the first socket that a process is given, as sd_listen_fds(3)
	// has it.
	firstInherited = 3
	// thresholdTime is what a connection that just came in has to say what it wants.
	thresholdTime = 250 * time.Millisecond
)

// door is what the API listens on: a socket of its own, or one that it shares with other processes. A
// shared one is shut for this process some time before the server stops: others take what comes then, and
// what came before is served. The server alone would drop connections whose request it had not read.
type door struct {
	*net.TCPListener

	shared bool
	closed chan struct{}
	once   sync.Once
}

// door is the socket that systemd or freshet up opened for this process, else one at the address.
func (a *app) door(ctx context.Context, address string) (*door, error) {
	count, given := a.Lookup("LISTEN_FDS")
	// A process cannot know the number of another before it starts it, so ours goes without.
	if pid := a.env("LISTEN_PID"); !given || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return newDoor(listen(ctx, address))
	}
	if count != "1" {
		return nil, usage(fmt.Errorf("LISTEN_FDS is %s, and one socket is of use", count))
	}
	file := os.NewFile(firstInherited, "inherited socket")
	defer file.Close() // the listener has its own
	d, err := newDoor(net.FileListener(file))
	if err != nil {
		return nil, usage(fmt.Errorf("LISTEN_FDS is set, but descriptor %d is of no use: %w", firstInherited, err))
	}
	d.shared = true
	return d, nil
}

func newDoor(socket net.Listener, err error) (*door, error) {
	if err != nil {
		return nil, err
	}
	listener, ok := socket.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("it listens on %s, not on TCP", socket.Addr().Network()), socket.Close())
	}
	return &door{TCPListener: listener, closed: make(chan struct{})}, nil
}

// Accept takes nothing any more once the door is shut, and fails when it is closed.
func (d *door) Accept() (net.Conn, error) {
	conn, err := d.TCPListener.Accept()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		<-d.closed
		return nil, net.ErrClosed
	}
	return conn, err
}

// Close closes the socket for this process.
func (d *door) Close() error {
	d.once.Do(func() { close(d.closed) })
	return d.TCPListener.Close()
}

// part shuts the door when it is told to stop. It is to be the first that is.
func (d *door) part() supervisor.Part {
	return supervisor.Part{Name: "door", Run: func(ctx context.Context) error {
		<-ctx.Done()
		if !d.shared {
			return nil
		}
		if err := d.SetDeadline(time.Unix(1, 0)); err != nil {
			return fmt.Errorf("shut the door: %w", err)
		}
		<-time.After(thresholdTime)
		return nil
	}}
}
