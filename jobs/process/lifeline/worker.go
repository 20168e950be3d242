//go:build unix

package lifeline

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"
)

// How long a message may wait for a shim that does not read.
const sendTimeout = 5 * time.Second

// Worker is the worker's end.
type Worker struct {
	file *os.File
	mu   sync.Mutex // one sender at a time
}

// NewWorker speaks over the worker's end of a Pair.
func NewWorker(file *os.File) *Worker { return &Worker{file: file} }

// Run sends the first message.
func (w *Worker) Run(c Command) error { return w.send(c.message()) }

// Renew lets the child live for d from now, unless it is renewed again.
func (w *Worker) Renew(d time.Duration) error {
	return w.send(message{kind: kindRenew, fields: []string{strconv.FormatInt(int64(d), 10)}})
}

// Stop asks for SIGTERM, the grace of the Command, and SIGKILL to everything.
func (w *Worker) Stop() error { return w.send(message{kind: kindStop}) }

// Kill asks for SIGKILL to everything.
func (w *Worker) Kill() error { return w.send(message{kind: kindKill}) }

func (w *Worker) send(m message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.file.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return err
	}
	return send(w.file, m)
}

// Receive waits for the next word of the shim: a Started, a NotRun or an Ended. It answers io.EOF when
// the shim is gone, and os.ErrDeadlineExceeded at the deadline of SetDeadline.
func (w *Worker) Receive() (any, error) {
	m, err := receive(w.file)
	if err != nil {
		return nil, err
	}
	switch m.kind {
	case kindStarted:
		return parseStarted(m.fields)
	case kindNotRun:
		return parseNotRun(m.fields)
	case kindEnded:
		return parseEnded(m.fields)
	default:
		return nil, fmt.Errorf("unknown message %q of the shim: %w", m.kind, io.ErrUnexpectedEOF)
	}
}

// SetDeadline bounds the present and later calls of Receive.
func (w *Worker) SetDeadline(t time.Time) error { return w.file.SetReadDeadline(t) }

// Close cuts the lifeline: a living shim kills everything.
func (w *Worker) Close() error { return w.file.Close() }
