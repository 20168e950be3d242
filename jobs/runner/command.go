package runner

import (
	"fmt"
	"maps"
	"path/filepath"
	"strconv"

	"freshet/jobs"
	"freshet/jobs/kind"
	"freshet/jobs/process"
)

// defaultPath is where commands are looked up when the worker itself has no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

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
	return process.Spec{
		Args: arguments, Dir: a.folder(), Env: environment,
		Stdout: a.output.stdout(), Stderr: a.output.stderr(),
		Grace: a.kind.Grace, Memory: a.kind.Memory,
	}, nil
}

// inputError is an input that makes no command: another try would not mend it.
type inputError struct{ err error }

func (e inputError) Error() string { return "make arguments of the input: " + e.err.Error() }
func (e inputError) Unwrap() error { return e.err }

// folder is the working directory.
func (a *attempt) folder() string {
	switch cwd := a.kind.Cwd; {
	case cwd == jobs.CwdWorkspace:
		return a.space.file(workName)
	case cwd == jobs.CwdProject || cwd == "":
		return a.host.Project
	case filepath.IsAbs(cwd):
		return cwd
	default:
		return filepath.Join(a.host.Project, cwd)
	}
}

// environment is all that the command sees of the world: nothing is inherited that is not named.
func (a *attempt) environment() ([]string, error) {
	values := map[string]string{"TMPDIR": a.space.file(tmpName)}
	if _, found := a.host.lookup("PATH"); !found {
		values["PATH"] = defaultPath
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
	return process.Environ(a.host.PassEnv[a.kind.Name], a.host.lookup, values), nil
}

func (h *Host) lookup(name string) (string, bool) {
	if h.Lookup == nil {
		return "", false
	}
	return h.Lookup(name)
}
