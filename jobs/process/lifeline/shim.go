//go:build unix

package lifeline

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

// FD is the descriptor at which a shim finds its end.
const FD = 3

// Shim is the shim's end.
type Shim struct{ file *os.File }

// Order is what a worker may say after the Command. Exactly one field is set.
type Order struct {
	Renew      time.Duration
	Stop, Kill bool
}

// NewShim speaks over the shim's end of a Pair.
func NewShim(file *os.File) *Shim { return &Shim{file: file} }

// Command reads the first message.
func (s *Shim) Command() (Command, error) {
	m, err := receive(s.file)
	if err != nil {
		return Command{}, err
	}
	if m.kind != kindCommand {
		return Command{}, fmt.Errorf("message %q before the command: %w", m.kind, io.ErrUnexpectedEOF)
	}
	return parseCommand(m.fields)
}

// Order waits for the next order. Any error means that the worker is gone.
func (s *Shim) Order() (Order, error) {
	m, err := receive(s.file)
	if err != nil {
		return Order{}, err
	}
	switch {
	case m.kind == kindStop:
		return Order{Stop: true}, nil
	case m.kind == kindKill:
		return Order{Kill: true}, nil
	case m.kind == kindRenew && len(m.fields) == 1:
		d, err := strconv.ParseInt(m.fields[0], 10, 64)
		return Order{Renew: time.Duration(d)}, err
	default:
		return Order{}, fmt.Errorf("unknown message %q of the worker: %w", m.kind, io.ErrUnexpectedEOF)
	}
}

// Started, NotRun and Ended tell the worker.
func (s *Shim) Started(m Started) error { return send(s.file, m.message()) }

// NotRun says that there is no command running, and why.
func (s *Shim) NotRun(m NotRun) error { return send(s.file, m.message()) }

// Ended says that everything is dead.
func (s *Shim) Ended(m Ended) error { return send(s.file, m.message()) }
