package process_test

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"freshet/jobs/crew"
	"freshet/jobs/fleet"
	"freshet/jobs/fleet/fleettest"
	"freshet/jobs/fleet/process"
	daemon "freshet/jobs/process"
	"freshet/jobs/process/notify"
)

// duty is the argument with which the test binary stands for a worker.
const duty = "duty"

func TestMain(m *testing.M) {
	if slices.Contains(os.Args, duty) {
		os.Exit(work())
	}
	goleak.VerifyTestMain(m)
}

// work says that it is ready, and ends with 3 at a SIGUSR2, and with 0 at any other signal.
func work() int {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTERM)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() { _ = notify.NewSpeaker(os.LookupEnv).Run(ctx) }()
	if sig := <-told; sig == syscall.SIGUSR2 {
		return 3
	}
	return 0
}

// yard is a crew, and what was told of the ends of its processes.
type yard struct {
	t    *testing.T
	crew *crew.Crew
	pool fleet.Fleet

	mu   sync.Mutex
	ends map[uuid.UUID]error
}

func newYard(t *testing.T) *yard {
	t.Helper()
	folder := t.TempDir()
	workers, err := crew.Open(crew.Config{Folder: folder + "/crew", Logs: folder + "/logs", Report: func(crew.Event) {}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- workers.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		workers.Close()
	})
	y := &yard{t: t, crew: workers, ends: map[uuid.UUID]error{}}
	y.pool = process.New(workers, program("worker-here"), func(intent uuid.UUID, end error) {
		y.mu.Lock()
		defer y.mu.Unlock()
		y.ends[intent] = end
	}).Fleet
	return y
}

func program(name string) crew.Program {
	return crew.Program{Name: name, Command: func(uuid.UUID, int) daemon.DaemonSpec {
		return daemon.DaemonSpec{Args: []string{os.Args[0], duty}}
	}}
}

func (y *yard) ready(id string) bool {
	return slices.ContainsFunc(y.crew.Status(), func(s crew.Status) bool { return s.ID != nil && s.ID.String() == id && s.State == crew.Ready })
}

func (y *yard) pid(id string) int {
	for _, status := range y.crew.Status() {
		if status.ID != nil && status.ID.String() == id {
			return status.PID
		}
	}
	return 0
}

// end has a process that is ready end by a signal.
func (y *yard) end(id string, sig syscall.Signal) {
	y.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for sent := false; y.pid(id) != 0; {
		if !sent && y.ready(id) {
			_ = syscall.Kill(y.pid(id), sig)
			sent = true
		}
		if time.Now().After(deadline) {
			y.t.Fatalf("process %s does not end", id)
		}
		<-time.After(2 * time.Millisecond)
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	fleettest.Run(t, func(t *testing.T) fleettest.Rig {
		t.Helper()
		y := newYard(t)
		return fleettest.Rig{
			Replica: func() fleet.Fleet { return y.pool }, // a process has no other hold on its children
			Running: func() (n int) {
				for _, status := range y.crew.Status() {
					if status.Program == "worker-here" {
						n++
					}
				}
				return n
			},
			End:     func(id string) { y.end(id, syscall.SIGUSR1) },
			Forgets: true,
			Foreign: func() {
				if err := y.crew.Launch(t.Context(), program("worker-elsewhere"), uuid.New(), func(error) {}); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}

// TestDeathsAreToldAtOnce, and how they came about.
func TestDeathsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	for sig, code := range map[syscall.Signal]int{syscall.SIGUSR1: 0, syscall.SIGUSR2: 3} {
		intent := uuid.New()
		id, err := y.pool.Start(t.Context(), fleet.Order{Intent: intent, Generation: "one"})
		if err != nil || id != intent.String() {
			t.Fatalf("started %s: %v", id, err)
		}
		y.end(id, sig)
		told := func() (end error, ok bool) {
			y.mu.Lock()
			defer y.mu.Unlock()
			end, ok = y.ends[intent]
			return end, ok
		}
		deadline := time.Now().Add(time.Second)
		end, ok := told()
		for ; !ok && time.Now().Before(deadline); end, ok = told() {
			<-time.After(time.Millisecond)
		}
		var exit *daemon.ExitError
		if !ok || (code == 0) != (end == nil) || code != 0 && (!errors.As(end, &exit) || exit.Code != code) {
			t.Errorf("told: %v, %t, want exit code %d", end, ok, code)
		}
	}
}

// TestACrewThatHasEndedRefuses, so that nobody takes the order for one that may have been carried out.
func TestACrewThatHasEndedRefuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	workers, err := crew.Open(crew.Config{Folder: folder + "/crew", Logs: folder + "/logs", Report: func(crew.Event) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer workers.Close()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := workers.Run(ctx); err != nil {
		t.Fatal(err)
	}
	pool := process.New(workers, program("worker-here"), func(uuid.UUID, error) {})
	if _, err := pool.Start(t.Context(), fleet.Order{Intent: uuid.New()}); !errors.Is(err, fleet.ErrRefused) {
		t.Errorf("start: %v", err)
	}
}
