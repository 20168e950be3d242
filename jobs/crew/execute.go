package crew

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"freshet/jobs/process"
	"freshet/jobs/process/limit"
	"freshet/jobs/process/notify"
)

// instanceVariable tells a process the number of its slot.
const instanceVariable = "FRESHET_INSTANCE"

// execute starts a process of the operating system.
func (c *Crew) execute(p Program, instance int, id uuid.UUID) (_ body, err error) {
	listener, err := notify.Listen(filepath.Join(c.sockets, socketName(id)))
	if err != nil {
		return body{}, err
	}
	defer func() {
		if err != nil {
			listener.Close()
		}
	}()
	name := instanceName(p.Name, instance)
	path := filepath.Join(c.Logs, name+".log")
	log, err := openLog(path)
	if err != nil {
		return body{}, err
	}
	defer log.Close() // the process has its own by then
	spec := p.Command(id, instance)
	spec.Env = c.environ(spec.Env, listener, instance)
	spec.Stdout, spec.Stderr = log, log
	daemon, err := process.StartDaemon(spec)
	if err != nil {
		return body{}, fmt.Errorf("start %s: %w", name, err)
	}
	slog.New(slog.NewJSONHandler(log, nil)).Info("instance starts", "instance", name, "id", id, "pid", daemon.PID())
	look := func() int64 {
		c.rotating.Lock()
		defer c.rotating.Unlock()
		if err := rotate(path, c.LogSize); err != nil {
			c.Report(Event{Status: Status{Program: p.Name, Instance: instance}, Text: err.Error(), Trouble: true})
		}
		return limit.Resident(daemon.PID())
	}
	return body{child: &executed{daemon, listener}, messages: listener.Messages(), look: look}, nil
}

// socketName is short, and another for each process: the end of its id is random.
func socketName(id uuid.UUID) string {
	text := id.String()
	return "notify-" + text[len(text)-7:]
}

// environ is that of the program, without what is meant for this process, and with what the crew says.
func (c *Crew) environ(env []string, listener *notify.Listener, instance int) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{
			notify.SocketVariable, notify.WatchdogVariable, notify.WatchdogPIDVariable, instanceVariable,
		}, name)
	})
	env = append(env, listener.Environ()...)
	return append(env,
		notify.WatchdogVariable+"="+strconv.FormatInt(c.Watchdog.Microseconds(), 10),
		instanceVariable+"="+strconv.Itoa(instance))
}

// executed is a process that this one started.
type executed struct {
	*process.Daemon

	listener *notify.Listener
}

// Wait also waits until nothing is left of what the process ran.
func (e *executed) Wait() error {
	err := e.Daemon.Wait()
	e.listener.Close()
	if buried := process.Bury(); buried != nil && err == nil {
		err = buried
	}
	return err
}
