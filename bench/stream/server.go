package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"freshet/jobs/process"
)

// patience bounds the start and the stop of a server.
const patience = 30 * time.Second

// server is a server process.
type server struct {
	daemon  *process.Daemon
	address string
}

// startServer starts this program as a server, which prints its address when it listens.
func startServer(ctx context.Context, o options, kind string, more ...string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	printed, stdout := io.Pipe()
	daemon, err := process.StartDaemon(process.DaemonSpec{
		Args: append([]string{self, "-serve", kind, "-streams", strconv.Itoa(o.streams), "-profile", o.profile}, more...),
		Env:  os.Environ(), Stdout: stdout, Stderr: os.Stderr,
	})
	if err != nil {
		return nil, err
	}
	s := &server{daemon: daemon}
	starting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer context.AfterFunc(starting, func() { _ = printed.CloseWithError(context.Cause(starting)) })()
	go func() { <-daemon.Done(); _ = stdout.Close() }()
	address, err := bufio.NewReader(printed).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the server does not say where it listens: %w", err), s.stop())
	}
	s.address = strings.TrimSpace(address)
	return s, nil
}

func (s *server) stop() error {
	stopping, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return s.daemon.Stop(stopping)
}

// memory is what the process holds, in bytes.
func (s *server) memory() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.daemon.PID()))
	if err != nil {
		return 0, fmt.Errorf("read the server's memory: %w", err)
	}
	for line := range bytes.Lines(status) {
		if fields := bytes.Fields(line); len(fields) == 3 && string(fields[0]) == "VmRSS:" {
			kilobytes, err := strconv.ParseInt(string(fields[1]), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("read the server's memory: no VmRSS")
}

// clockTick is the unit of Linux's processor times.
const clockTick = 10 * time.Millisecond

// processor is the time that the process has had of the processors.
func (s *server) processor() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.daemon.PID()))
	if err != nil {
		return 0, fmt.Errorf("read the server's times: %w", err)
	}
	_, rest, _ := bytes.Cut(stat, []byte(") ")) // its name may have blanks
	var total time.Duration
	for _, field := range bytes.Fields(rest)[11:13] {
		ticks, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read the server's times: %w", err)
		}
		total += time.Duration(ticks) * clockTick
	}
	return total, nil
}

// serve is this program as a server, until ctx ends.
func serve(ctx context.Context, o options) error {
	socket, err := new(net.ListenConfig).Listen(ctx, "tcp4", "0.0.0.0:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	_, port, _ := net.SplitHostPort(socket.Addr().String())
	ready := func() { fmt.Fprintln(os.Stdout, port) }
	if o.serve == "freshet" {
		return serveFreshet(ctx, o, socket, ready)
	}
	return serveBare(ctx, socket, ready)
}

// profiled writes profiles of what is done between the first and the second SIGUSR1 that come while do
// runs, if a folder for them is given.
func (o options) profiled(do func() error) error {
	if o.profile == "" {
		return do()
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGUSR1)
	written := make(chan error, 1)
	go func() { written <- o.writeProfiles(signals) }()
	err := do()
	signal.Stop(signals)
	close(signals)
	return errors.Join(err, <-written)
}

func (o options) writeProfiles(signals <-chan os.Signal) error {
	cpu, err := os.Create(filepath.Join(o.profile, o.serve+".cpu"))
	if err != nil {
		return fmt.Errorf("make a profile: %w", err)
	}
	defer cpu.Close()
	heap, err := os.Create(filepath.Join(o.profile, o.serve+".heap"))
	if err != nil {
		return fmt.Errorf("make a profile: %w", err)
	}
	defer heap.Close()
	<-signals
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return fmt.Errorf("make a profile: %w", err)
	}
	<-signals
	pprof.StopCPUProfile()
	runtime.GC() // the profile is of the last collection
	return pprof.WriteHeapProfile(heap)
}

// profile begins or ends the server's profiles.
func (s *server) profile(o options) {
	if o.profile != "" {
		_ = s.daemon.Signal(syscall.SIGUSR1) // fails only when it has ended
	}
}

// post sends a body to a server and wants a good answer.
func post(ctx context.Context, url, key, body string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("call the server: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s: %s", response.Status, answer)
	}
	return answer, err
}
