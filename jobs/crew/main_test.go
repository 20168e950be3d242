package crew

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"freshet/jobs/process"
	"freshet/jobs/process/notify"
)

// The test binary is also every program that the tests run: with this variable it plays a role.
const roleVar = "FRESHET_TEST_ROLE"

// patience bounds every wait: the machine may be busy.
const patience = time.Minute

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVar); role != "" {
		os.Exit(play(role, os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

func play(role string, args []string) int {
	speaker := notify.NewSpeaker(os.LookupEnv)
	switch role {
	case "exit":
		code, _ := strconv.Atoi(args[0])
		return code
	case "never ready":
		awaitSignal(syscall.SIGTERM)
	case "duty", "hog":
		// A child of its own, which must not outlive it.
		var ballast []byte
		if role == "hog" {
			ballast = make([]byte, 64<<20)
			for i := range ballast {
				ballast[i] = 1
			}
		}
		fmt.Println("instance", os.Getenv(instanceVariable))
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGUSR1)
		defer stop()
		_ = speaker.Run(ctx)
		if role == "hog" && ballast[0] != 1 {
			return 1
		}
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		_ = speaker.Run(context.Background())
	case "supervisor":
		return superviseRole(args[0])
	}
	return 0
}

func awaitSignal(sig os.Signal) {
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, sig)
	<-heard
}

// superviseRole is a whole supervisor, to be killed.
func superviseRole(folder string) int {
	c, err := Open(Config{Folder: folder, Logs: filepath.Join(folder, "logs"), Report: func(e Event) {
		fmt.Println(e.Name(), e.State, e.PID)
	}})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	defer c.Close()
	if err := c.Run(ctx, acting("one", 1, "duty"), acting("two", 2, "stubborn")); err != nil {
		return 1
	}
	return 0
}

// acting is a program of the test binary.
func acting(name string, instances int, role string, args ...string) Program {
	return Program{Name: name, Instances: instances, StopWithin: 500 * time.Millisecond,
		Command: func(uuid.UUID, int) process.DaemonSpec {
			self, _ := os.Executable()
			return process.DaemonSpec{
				Args: append([]string{self}, args...),
				Env:  []string{roleVar + "=" + role, "NOTIFY_SOCKET=/of/another", "WATCHDOG_USEC=1"},
			}
		}}
}

// events collects what a crew reports.
type events struct {
	mu   sync.Mutex
	all  []Event
	more chan struct{}
}

func (e *events) report(event Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, event)
	select {
	case e.more <- struct{}{}:
	default:
	}
}

func (e *events) text() (all string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, event := range e.all {
		all += fmt.Sprintf("%s %s %d: %s\n", event.Name(), event.State, event.PID, event.Text)
	}
	return all
}

// running is a crew with what it reported.
type running struct {
	*Crew

	seen *events
	t    *testing.T
	stop func()
}

// open makes a crew in a folder whose name is short.
func open(t *testing.T, config Config) *running {
	t.Helper()
	r := &running{seen: &events{more: make(chan struct{}, 1)}, t: t}
	if config.Folder == "" {
		folder, err := os.MkdirTemp("", "crew") //nolint:usetesting // paths of sockets must be short
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(folder) })
		config.Folder = folder
	}
	config.Logs, config.Report = filepath.Join(config.Folder, "logs"), r.seen.report
	c, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	r.Crew = c
	return r
}

// begin runs the crew until the test ends, or stop is called.
func (r *running) begin(programs ...Program) *running {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, programs...) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Error(err)
		}
		r.Close()
	})
	r.t.Cleanup(r.stop)
	return r
}

// until waits until a look at the crew satisfies.
func (r *running) until(what string, look func() bool) {
	r.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !look() {
		select {
		case <-r.seen.more:
		case <-deadline.C:
			r.t.Fatalf("waited in vain until %s; the crew is\n%+v\n%s", what, r.Status(), r.seen.text())
		}
	}
}

// are tells whether the states of all are these, in order.
func (r *running) are(states ...State) bool {
	all := r.Status()
	if len(all) != len(states) {
		return false
	}
	for i, status := range all {
		if status.State != states[i] {
			return false
		}
	}
	return true
}

// alive tells whether a process runs: one that nobody has reaped does not.
func alive(pid int) bool {
	_, err := process.Birth(pid)
	return err == nil
}
