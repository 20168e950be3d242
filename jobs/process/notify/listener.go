package notify

import (
	"fmt"
	"net"
	"os"
)

// maxMessage is more than any message of use.
const maxMessage = 4 << 10

// Listener hears what one program tells.
type Listener struct {
	path     string
	socket   *net.UnixConn
	messages chan Message
	closed   chan struct{}
	done     chan struct{}
}

// Listen opens a socket at path, which must not be there yet and must be short: some hundred bytes. Who
// may write into its folder may speak for the program.
func Listen(path string) (*Listener, error) {
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("listen for notifications: %w", err)
	}
	l := &Listener{path: path, socket: socket, messages: make(chan Message), closed: make(chan struct{}), done: make(chan struct{})}
	go l.run()
	return l, nil
}

// Messages are those that were heard, in their order. The channel is never closed.
func (l *Listener) Messages() <-chan Message { return l.messages }

// Environ is what the program must find in its environment to be heard.
func (l *Listener) Environ() []string { return []string{SocketVariable + "=" + l.path} }

// Close removes the socket, and returns when nothing of the listener is left.
func (l *Listener) Close() {
	close(l.closed)
	_ = l.socket.Close()
	_ = os.Remove(l.path)
	<-l.done
}

func (l *Listener) run() {
	defer close(l.done)
	buffer := make([]byte, maxMessage)
	for {
		n, err := l.socket.Read(buffer)
		if err != nil {
			return // closed
		}
		select {
		case l.messages <- Message(buffer[:n]):
		case <-l.closed:
			return
		}
	}
}
