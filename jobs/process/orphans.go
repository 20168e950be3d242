//go:build unix

package process

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"freshet/jobs/process/tree"
)

const (
	buryInterval = 10 * time.Millisecond
	buryLimit    = 5 * time.Second
)

// shims are the shims of this process that live. The children of a process are one set, which the
// kernel keeps for the process as a whole, and so is this: two of them would each kill the other's.
//
//nolint:gochecknoglobals // see above
var shims = registry{alive: map[int]*os.Process{}}

// Bury kills what outlives a child of this process that was killed, a worker say, and returns when it is
// gone: until then nothing may take the dead one's place. It needs Adopt. The error is ErrSurvivors.
func Bury() error { return shims.bury() }

type registry struct {
	mu    sync.Mutex // also held while a shim is started, and while orphans are looked at
	alive map[int]*os.Process
}

// spawn starts a shim and knows it from its first instant on.
func (r *registry) spawn(path string, argv []string, attr *os.ProcAttr) (*os.Process, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	shim, err := os.StartProcess(path, argv, attr)
	if err != nil {
		return nil, err
	}
	r.alive[shim.Pid] = shim
	return shim, nil
}

// reaped forgets a shim, unless its number was given to another already.
func (r *registry) reaped(shim *os.Process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.alive[shim.Pid] == shim {
		delete(r.alive, shim.Pid)
	}
}

// bury kills and reaps what a dead shim left to this process. The shim must have been reaped: only by
// then has the kernel given its children away.
//
// What is below a living shim stays there, since the shim is a subreaper. And each shim began a session
// of its own, which nothing below it can leave but for a new one. So a child of this process, in
// another session than its own, that is not a shim, was below a shim that is dead.
func (r *registry) bury() error {
	me := os.Getpid()
	self, err := tree.Read(me)
	if err != nil {
		return nil // a system without orphans
	}
	ticker := time.NewTicker(buryInterval)
	defer ticker.Stop()
	var killer tree.Killer
	for deadline := time.Now().Add(buryLimit); ; <-ticker.C {
		left := r.strike(&killer, me, self.Session)
		if left == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: %d", ErrSurvivors, left)
		}
	}
}

// strike looks once and answers how many orphans it saw.
func (r *registry) strike(killer *tree.Killer, me, session int) (left int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, pid := range tree.Children(me) {
		status, err := tree.Read(pid)
		if err != nil || r.alive[pid] != nil || status.Session == session {
			continue
		}
		left++
		killer.KillTree(pid)
		_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
	}
	return left
}
