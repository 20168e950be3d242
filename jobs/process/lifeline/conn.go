//go:build unix

package lifeline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// maxPayload refuses a length that no kernel would let a command line have.
const maxPayload = 64 << 20

const headerSize = 5 // kind, length

// message is one frame on the socket.
type message struct {
	kind   byte
	fields []string
}

// send writes one message in one call, so that two senders cannot mix.
func send(w io.Writer, m message) error {
	size := 0
	for _, field := range m.fields {
		if strings.IndexByte(field, 0) >= 0 {
			return errors.New("message holds a NUL")
		}
		size += len(field) + 1
	}
	frame := make([]byte, headerSize, headerSize+size)
	frame[0] = m.kind
	binary.BigEndian.PutUint32(frame[1:], uint32(size))
	for _, field := range m.fields {
		frame = append(frame, field...)
		frame = append(frame, 0)
	}
	_, err := w.Write(frame)
	return err
}

// receive reads one message. At the end of the stream it answers io.EOF.
func receive(r io.Reader) (message, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return message{}, err
	}
	size := binary.BigEndian.Uint32(header[1:])
	if size > maxPayload {
		return message{}, fmt.Errorf("message of %d bytes", size)
	}
	payload := make([]byte, size)
	if _, err := io.ReadFull(r, payload); err != nil {
		return message{}, err
	}
	m := message{kind: header[0]}
	if size > 0 {
		m.fields = strings.Split(strings.TrimSuffix(string(payload), "\x00"), "\x00")
	}
	return m, nil
}

// Pair makes the two ends of a lifeline. Neither survives an exec, except where the shim's end is
// handed to it on purpose.
func Pair() (worker, shim *os.File, err error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, fmt.Errorf("open lifeline: %w", err)
	}
	// Non-blocking before NewFile: the runtime then polls it, which gives deadlines and no thread per child.
	if err := syscall.SetNonblock(fds[0], true); err != nil {
		_ = syscall.Close(fds[0])
		_ = syscall.Close(fds[1])
		return nil, nil, fmt.Errorf("open lifeline: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "lifeline"), os.NewFile(uintptr(fds[1]), "lifeline"), nil
}
