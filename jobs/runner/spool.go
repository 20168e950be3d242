package runner

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"freshet/jobs"
	"freshet/jobs/redact"
)

// memorySpool is how many bytes of records are kept in memory. Most attempts need no more, and making a
// file costs as much as all else that the runner does for them.
const memorySpool = 64 << 10

// spool keeps the records of an attempt until they are stored. Many append, one reads. No secret comes into
// it: output and report see to theirs, and it sees to the lines of our own.
type spool struct {
	folder  *os.Root
	secrets *redact.Redactor
	fail    func(error)

	mu      sync.Mutex
	memory  []byte   // all frames, while they are few
	file    *os.File // all frames, when memory is not enough; it has no name that the command could open
	size    int64    // of whole frames
	records int64
	failed  bool
	closed  bool
	frame   []byte // kept to be reused

	changed chan struct{} // has a token when something was appended, or the spool was closed
}

// spoolError is a reason to stop a command: its records cannot be kept on disk.
type spoolError struct{ err error }

func (e spoolError) Error() string { return e.err.Error() }
func (e spoolError) Unwrap() error { return e.err }

// newSpool makes an empty spool, whose file is made in the folder. fail is called, once, when it can no
// longer be written.
func newSpool(folder *os.Root, secrets *redact.Redactor, fail func(error)) *spool {
	return &spool{folder: folder, secrets: secrets, fail: fail, changed: make(chan struct{}, 1)}
}

// append adds a record. What comes after a failed write is dropped.
func (s *spool) append(record jobs.Record) {
	if record.Stream == jobs.System {
		record.Bytes = s.secrets.Bytes(record.Bytes)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed || s.closed {
		return
	}
	s.frame = appendFrame(s.frame[:0], record)
	if err := s.write(s.frame); err != nil {
		s.failed = true
		s.fail(fmt.Errorf("write spool: %w", err))
		return
	}
	s.size += int64(len(s.frame))
	s.records++
	s.signal()
}

// write puts a frame behind the last one. One that is written in part is not counted, and so never read.
func (s *spool) write(frame []byte) error {
	if s.file == nil && len(s.memory)+len(frame) <= memorySpool {
		s.memory = append(s.memory, frame...)
		return nil
	}
	if s.file == nil {
		if err := s.spill(); err != nil {
			return err
		}
	}
	_, err := s.file.WriteAt(frame, s.size)
	return err
}

// spill moves the frames from memory to a file.
func (s *spool) spill() error {
	name := "spool-" + rand.Text()
	file, err := s.folder.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(s.memory, 0)
	if err = errors.Join(err, s.folder.Remove(name)); err != nil {
		return errors.Join(err, file.Close())
	}
	s.file, s.memory = file, nil
	return nil
}

// ReadAt reads frames that were appended.
func (s *spool) ReadAt(p []byte, offset int64) (int, error) {
	s.mu.Lock()
	file, memory := s.file, s.memory
	s.mu.Unlock()
	if file != nil {
		return file.ReadAt(p, offset)
	}
	n := copy(p, memory[min(offset, int64(len(memory))):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// close says that nothing more will be appended.
func (s *spool) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.signal()
}

// release gives the disk space back.
func (s *spool) release() {
	if s.file != nil {
		_ = s.file.Close()
	}
}

func (s *spool) signal() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *spool) state() (size, records int64, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size, s.records, s.closed
}
