package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"freshet/jobs"
	"freshet/jobs/kind"
	"freshet/jobs/process"
)

// defaultPath is where commands are looked up when the worker itself has no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// command runs the kind's command until it and all it started are dead.
func (a *attempt) command() evidence {
	spec, err := a.spec()
	if err != nil {
		return evidence{unstarted: err}
	}
	events, err := openEventFile(a.space.root, a.report)
	if err != nil {
		return evidence{unstarted: err}
	}
	defer events.close()
	child, err := process.Start(a.stopping, spec)
	switch {
	case err == nil:
	case a.stopping.Err() != nil:
		return evidence{stopped: context.Cause(a.stopping)}
	default:
		return evidence{unstarted: err}
	}
	a.host.lease.attach(a, child)
	var disk sync.WaitGroup
	disk.Go(func() { a.watchDisk(child) })
	stopped := a.attend(child, events)
	disk.Wait()
	result, err := child.Wait()
	if err != nil {
		a.log.Warn("command did not end cleanly", "error", err)
	}
	if result.Expired {
		a.abandon(ErrLeaseLost)
	}
	events.finish()
	return a.observe(result, stopped, errors.Is(err, process.ErrLost))
}

// attend follows a running command to its end, and tells why it was told to stop, if it was.
func (a *attempt) attend(child *process.Child, events *eventFile) (stopped error) {
	ticker := time.NewTicker(pulse)
	defer ticker.Stop()
	stopping, lost := a.stopping.Done(), a.held.Done()
	for {
		select {
		case <-ticker.C:
			events.poll()
			a.pulse()
		case <-stopping:
			stopped, stopping = context.Cause(a.stopping), nil
			child.Stop()
		case <-lost:
			lost = nil
			child.Kill()
		case <-child.Done():
			return stopped
		}
	}
}

// observe says what a dead command leaves to be judged. vanished: nobody saw how it ended.
func (a *attempt) observe(result process.Result, stopped error, vanished bool) evidence {
	e := evidence{ran: true, stopped: stopped, signal: result.Signal}
	e.usage = jobs.Usage{
		CPUSeconds:    result.CPU.Seconds(),
		MaxRSSBytes:   result.MaxRSS,
		WallSeconds:   result.Wall.Seconds(),
		LeftProcesses: result.Stragglers,
	}
	if result.ExitCode >= 0 {
		e.exitCode = &result.ExitCode
	}
	switch {
	case result.OOM:
		e.failure = fail(jobs.CodeOOM, "the command and its descendants used more than %d bytes of memory", a.kind.Memory)
	case result.Crowded:
		e.failure = fail(jobs.CodeProcesses, "the command and its descendants were more than %d processes and threads at once", a.kind.Processes)
	case vanished:
		e.failure = fail(jobs.CodeExit, "killed from outside, together with the process that watched it")
	case result.Signal != "":
		e.failure = fail(jobs.CodeExit, "killed by %s", result.Signal)
	case result.ExitCode != 0:
		e.failure = fail(jobs.CodeExit, "exit code %d", result.ExitCode)
	}
	return e
}

// spec says what process the attempt needs.
func (a *attempt) spec() (process.Spec, error) {
	arguments, err := a.kind.Arguments(a.claim.Input)
	if err != nil {
		return process.Spec{}, inputError{err}
	}
	environment, err := a.environment()
	if err != nil {
		return process.Spec{}, err
	}
	rules, err := a.host.rules(a.kind.Kind)
	if err != nil {
		return process.Spec{}, fmt.Errorf("sandbox: %w", err)
	}
	if rules != nil {
		rules.Write = append(rules.Write, a.space.path)
	}
	return process.Spec{
		Args: arguments, Dir: a.folder(), Env: environment, Sandbox: rules,
		Stdout: a.output.stdout(), Stderr: a.output.stderr(),
		Grace: a.kind.Grace, Memory: a.kind.Memory, User: a.host.User,
		Processes: a.kind.Processes, OpenFiles: a.kind.OpenFiles,
	}, nil
}

// inputError is an input that makes no command: another try would not mend it.
type inputError struct{ err error }

func (e inputError) Error() string { return "make arguments of the input: " + e.err.Error() }
func (e inputError) Unwrap() error { return e.err }

// folder is the working directory.
func (a *attempt) folder() string {
	if a.kind.Cwd == jobs.CwdWorkspace {
		return a.space.file(workName)
	}
	return a.host.folder(a.kind.Cwd)
}

// folder is a folder that a kind names, or the project's.
func (h *Host) folder(path string) string {
	switch {
	case path == jobs.CwdProject || path == "":
		return h.Project
	case filepath.IsAbs(path):
		return path
	default:
		return filepath.Join(h.Project, path)
	}
}

// environment is all that the command sees of the world: nothing is inherited that is not named.
func (a *attempt) environment() ([]string, error) {
	values := map[string]string{"TMPDIR": a.space.file(tmpName)}
	if _, found := a.host.lookup("PATH"); !found {
		values["PATH"] = defaultPath
	}
	if user := a.host.User; user != nil {
		values["HOME"] = cmp.Or(user.Home, values["TMPDIR"]) // root's is closed to it
	}
	if a.kind.Sandbox != nil {
		values["HOME"] = values["TMPDIR"] // nobody's home can be read
	}
	for name, text := range a.kind.Env {
		value, err := kind.Resolve(text, a.host.lookup)
		if err != nil {
			return nil, fmt.Errorf("env %s of kind %s: %w", name, a.kind.Name, err)
		}
		values[name] = value
	}
	maps.Copy(values, map[string]string{
		"FRESHET_TASK_ID":   a.claim.TaskID.String(),
		"FRESHET_KIND":      a.claim.Kind,
		"FRESHET_ATTEMPT":   strconv.Itoa(a.claim.Attempt),
		"FRESHET_OWNER":     a.claim.Owner,
		"FRESHET_INPUT":     a.space.file(inputName),
		"FRESHET_WORKSPACE": a.space.file(workName),
		"FRESHET_ARTIFACTS": a.space.file(artifactsName),
		"FRESHET_EVENTS":    a.space.file(eventsName),
	})
	if a.trace != "" {
		values["TRACEPARENT"] = a.trace
	}
	return process.Environ(a.host.PassEnv[a.kind.Name], a.host.lookup, values), nil
}

func (h *Host) lookup(name string) (string, bool) {
	if h.Lookup == nil {
		return "", false
	}
	return h.Lookup(name)
}
