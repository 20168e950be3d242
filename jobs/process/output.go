//go:build unix

package process

import (
	"bytes"
	"context"
	"fmt"
	"syscall"
)

const (
	outputLimit = 8 << 20 // bytes of stdout that Output keeps
	tailLimit   = 4 << 10 // bytes of what was said that its error shows
)

// Output runs a short command to its end and answers what it wrote to stdout, at most the last 8 MiB of
// it. If the command fails, the error ends with the last 4 KiB of stderr, or of stdout if that is
// empty. When the context ends, its process group is killed, and the error is the context's cause. The
// Stdout and Stderr of the spec are not used.
func Output(ctx context.Context, s DaemonSpec) ([]byte, error) {
	stdout, stderr := &tail{limit: outputLimit}, &tail{limit: tailLimit}
	s.Stdout, s.Stderr, s.StopSignal = stdout, stderr, syscall.SIGKILL
	d, err := StartDaemon(s)
	if err != nil {
		return nil, err
	}
	release := context.AfterFunc(ctx, d.killGroup)
	err = d.Wait()
	if killed := !release(); killed && err != nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		return stdout.bytes(), nil
	}
	said := stderr.bytes()
	if len(said) == 0 {
		said = stdout.bytes()
		said = said[max(0, len(said)-tailLimit):]
	}
	return stdout.bytes(), fmt.Errorf("run %s: %w: %s", s.Args[0], err, bytes.TrimSpace(said))
}

// tail keeps the end of what is written to it.
type tail struct {
	limit int
	kept  []byte
}

// Write never fails. It moves bytes only once for each limit's worth of them.
func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if len(t.kept) > 2*t.limit {
		t.kept = append(t.kept[:0], t.bytes()...)
	}
	return len(p), nil
}

func (t *tail) bytes() []byte { return t.kept[max(0, len(t.kept)-t.limit):] }
