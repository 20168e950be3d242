package crew

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"freshet/jobs/process"
)

// orphanLook is how often it is looked whether an orphan has ended: it is not our child.
const orphanLook = 50 * time.Millisecond

// orphan is a process that a killed supervisor left.
type orphan struct {
	entry

	killed atomic.Bool
	done   chan struct{}
}

// inherit stops a process that an earlier supervisor left, and waits for its end as for any other.
func (c *Crew) inherit(e entry) {
	o := &orphan{entry: e, done: make(chan struct{})}
	c.living.Go(o.watch)
	p := Program{Name: e.Program, StopWithin: e.StopWithin}
	l := c.bear(p, e.Instance, e.ID, body{child: o, look: func() int64 { return 0 }})
	l.status.State = Draining
	l.stop()
	c.attend(l)
	c.report(l, "was left by an earlier supervisor, and is told to stop", false)
}

// errUnseen: how it ended is not known, for its parent was dead.
var errUnseen = errors.New("it ended without its supervisor")

// vanished reports a process that ended while nobody looked.
func (c *Crew) vanished(e entry) {
	text := "has ended with an earlier supervisor"
	if err := c.tellDeath(e.ID, errUnseen); err != nil {
		text += ", which could not be told: " + err.Error()
	}
	status := Status{Program: e.Program, Instance: e.Instance, State: Stopped, Since: time.Now(), ID: &e.ID}
	c.Report(Event{Status: status, Text: text})
}

// watch waits until the process has ended.
func (o *orphan) watch() {
	defer close(o.done)
	ticker := time.NewTicker(orphanLook)
	defer ticker.Stop()
	for o.lives() {
		<-ticker.C
	}
}

func (o *orphan) PID() int { return o.entry.PID }

func (o *orphan) Done() <-chan struct{} { return o.done }

// Signal reaches this process alone, and not another that got its number since.
func (o *orphan) Signal(sig syscall.Signal) error {
	handle, err := os.FindProcess(o.entry.PID)
	if err != nil {
		return err
	}
	defer func() { _ = handle.Release() }()
	if !o.lives() {
		return os.ErrProcessDone
	}
	if sig == syscall.SIGKILL {
		o.killed.Store(true)
		_ = syscall.Kill(-o.entry.PID, sig) // it leads a group of its own
	}
	if err := handle.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// Wait answers what can be known: how it ended only its dead parent could ask. That it ended has to be told
// all the same: what it ran, if it did not end well, is taken over then.
func (o *orphan) Wait() error {
	<-o.done
	if o.killed.Load() {
		return &process.ExitError{Code: -1, Signal: "SIGKILL"}
	}
	return errUnseen
}
