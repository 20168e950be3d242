//go:build unix

package process

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"sync"
	"syscall"
	"time"
)

// How long after the death of all that wrote to it a stream may stay open. What is in the pipe by then
// is read in milliseconds.
const drainLimit = 5 * time.Second

// streams are the standard streams of a process, from our side. A file is handed over as it is; to
// anything else leads a pipe, which is pumped.
type streams struct {
	theirs [3]*os.File // what the process gets
	opened []*os.File  // those of theirs that are ours to close; handedOver does
	pumps  []func() error
	ends   []*os.File // our ends of the pipes
	copies sync.WaitGroup
	mu     sync.Mutex
	errs   []error
}

func openStreams(stdin io.Reader, stdout, stderr io.Writer) (_ *streams, err error) {
	st := &streams{}
	defer func() {
		if err != nil {
			st.abandon()
		}
	}()
	if err := st.in(stdin); err != nil {
		return nil, fmt.Errorf("open stdin: %w", err)
	}
	if err := st.out(1, stdout); err != nil {
		return nil, fmt.Errorf("open stdout: %w", err)
	}
	if same(stdout, stderr) {
		st.theirs[2] = st.theirs[1]
		return st, nil
	}
	if err := st.out(2, stderr); err != nil {
		return nil, fmt.Errorf("open stderr: %w", err)
	}
	return st, nil
}

// same says that two writers are one, which must not be written from two goroutines.
func same(a, b io.Writer) bool {
	return a != nil && b != nil && reflect.TypeOf(a).Comparable() && a == b
}

func (st *streams) in(from io.Reader) error {
	if file, ok := from.(*os.File); ok {
		st.theirs[0] = file
		return nil
	}
	if from == nil {
		return st.null(0)
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	st.join(0, theirs, ours, func() error { return feed(ours, from) })
	return nil
}

func (st *streams) out(fd int, to io.Writer) error {
	if file, ok := to.(*os.File); ok {
		st.theirs[fd] = file
		return nil
	}
	if to == nil {
		return st.null(fd)
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	st.join(fd, theirs, ours, func() error { return drain(to, ours) })
	return nil
}

func (st *streams) null(fd int) error {
	file, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	st.theirs[fd], st.opened = file, append(st.opened, file)
	return nil
}

func (st *streams) join(fd int, theirs, ours *os.File, pump func() error) {
	st.theirs[fd], st.opened = theirs, append(st.opened, theirs)
	st.ends, st.pumps = append(st.ends, ours), append(st.pumps, pump)
}

// giveTo lets another user open the process's ends of the pipes again, as writers to /dev/stderr do.
func (st *streams) giveTo(u *User) error {
	if u == nil {
		return nil
	}
	for _, file := range st.opened {
		info, err := file.Stat()
		if err == nil && info.Mode()&fs.ModeNamedPipe != 0 { // and not /dev/null
			err = file.Chown(int(u.UID), int(u.GID))
		}
		if err != nil {
			return fmt.Errorf("hand over streams: %w", err)
		}
	}
	return nil
}

// handedOver closes our copies of the process's ends, so that end of file can come.
func (st *streams) handedOver() {
	for _, file := range st.opened {
		_ = file.Close()
	}
	st.opened = nil
}

// abandon closes everything, when no process came of it.
func (st *streams) abandon() {
	st.handedOver()
	for _, file := range st.ends {
		_ = file.Close()
	}
}

// pump begins to copy.
func (st *streams) pump() {
	for _, pump := range st.pumps {
		st.copies.Go(func() {
			if err := pump(); err != nil {
				st.mu.Lock()
				defer st.mu.Unlock()
				st.errs = append(st.errs, err)
			}
		})
	}
}

// finish waits until all output was written, after the process is dead.
func (st *streams) finish() error {
	for _, file := range st.ends {
		_ = file.SetReadDeadline(time.Now().Add(drainLimit))
		_ = file.SetWriteDeadline(time.Now()) // nobody reads its input any more
	}
	st.copies.Wait()
	return errors.Join(st.errs...)
}

// feed writes until either side ends. That the command does not read all of it is no error.
func feed(w *os.File, r io.Reader) error {
	_, err := io.Copy(w, r)
	err = errors.Join(err, w.Close())
	if err == nil || errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return fmt.Errorf("write stdin: %w", err)
}

// drain reads to the end of file, also when the writer has failed: the command must not block.
func drain(w io.Writer, r *os.File) error {
	defer r.Close()
	const size = 32 << 10
	buffer := make([]byte, size)
	var failed error
	for {
		n, err := r.Read(buffer)
		if n > 0 && failed == nil {
			if _, err := w.Write(buffer[:n]); err != nil {
				failed = fmt.Errorf("write output: %w", err)
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return failed
		case errors.Is(err, os.ErrDeadlineExceeded):
			return errors.Join(failed, ErrOutputHeld)
		default:
			return errors.Join(failed, fmt.Errorf("read output: %w", err))
		}
	}
}
