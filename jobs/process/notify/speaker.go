package notify

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// tellWithin bounds the wait for a supervisor that takes no messages, because it is frozen say.
const tellWithin = time.Second

// Speaker tells a supervisor about this process. A nil one tells nobody.
type Speaker struct {
	address  net.UnixAddr
	watchdog time.Duration
}

// NewSpeaker finds in the environment who is to be told; nil if nobody is.
func NewSpeaker(lookup func(name string) (string, bool)) *Speaker {
	path, _ := lookup(SocketVariable)
	if path == "" {
		return nil
	}
	s := &Speaker{address: net.UnixAddr{Name: path, Net: "unixgram"}}
	if pid, given := lookup(WatchdogPIDVariable); given && pid != strconv.Itoa(os.Getpid()) {
		return s // it is meant for a parent of this process
	}
	text, _ := lookup(WatchdogVariable)
	if micros, err := strconv.ParseInt(text, 10, 64); err == nil && micros > 0 {
		s.watchdog = time.Duration(micros) * time.Microsecond
	}
	return s
}

// Tell sends a message, made of lines.
func (s *Speaker) Tell(lines ...Message) error {
	if s == nil {
		return nil
	}
	text := make([]string, len(lines))
	for i, line := range lines {
		text[i] = string(line)
	}
	socket, err := net.DialUnix("unixgram", nil, &s.address)
	if err != nil {
		return fmt.Errorf("tell the supervisor: %w", err)
	}
	defer func() { _ = socket.Close() }()
	_ = socket.SetWriteDeadline(time.Now().Add(tellWithin))
	if _, err := socket.Write([]byte(strings.Join(text, "\n"))); err != nil {
		return fmt.Errorf("tell the supervisor: %w", err)
	}
	return nil
}

// Run says that the process is ready, then that it is alive, for as long as ctx lives and twice as often
// as the supervisor wants to hear it, and at last that it stops. It answers nil: who cannot be told
// finds out by itself.
func (s *Speaker) Run(ctx context.Context) error {
	_ = s.Tell(Ready)
	var pulse <-chan time.Time
	if s != nil && s.watchdog > 0 {
		ticker := time.NewTicker(s.watchdog / 2)
		defer ticker.Stop()
		pulse = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			_ = s.Tell(Stopping)
			return nil
		case <-pulse:
			_ = s.Tell(Alive)
		}
	}
}
