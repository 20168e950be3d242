//go:build linux

package process

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"freshet/jobs/process/sandbox"
)

// The test binary is also every program that the tests run: with this variable it plays a role.
const roleVar = "FRESHET_TEST_ROLE"

// burnTime is how much user time the burn role takes.
const burnTime = 200 * time.Millisecond

// testLease is what the worker role gives its child.
const testLease = time.Second

// A variable that all descendants of a test's command inherit, by which the test finds survivors.
const tagVar = "FRESHET_TEST_TAG"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVar); role != "" {
		os.Exit(play(role, os.Args[1:]))
	}
	if err := Adopt(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func play(role string, args []string) int {
	switch role {
	case "exit":
		code, _ := strconv.Atoi(args[0])
		return code
	case "environ":
		return report(os.Environ())
	case "echo":
		_, _ = io.Copy(os.Stdout, os.Stdin)
	case "state":
		return report(stateOfSelf())
	case "eat":
		eat(args[0])
	case "threads":
		spin(args[0])
	case "burn":
		for usage := (syscall.Rusage{}); usage.Utime.Nano() < int64(burnTime); {
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
		}
	case "polite": // needs a while for its last words
		polite()
	case "worker":
		worker(args)
	case "concealed": // a worker that runs a command
		if err := Conceal(); err != nil {
			panic(err)
		}
		once(args, nil)
	case "open": // the same, without Conceal
		once(args, nil)
	case "boxed": // the same, in a sandbox that has nothing but the system
		once(args, &sandbox.Rules{})
	case "dial":
		return report(ways(args[0]))
	case "landless": // a worker whose kernel has no Landlock
		withoutLandlock()
		once(args, nil)
	case "landless boxed":
		withoutLandlock()
		once(args, &sandbox.Rules{})
	case "parent":
		parent(DaemonSpec{Args: args})
	case "root parent":
		const dacOverride = 1
		parent(DaemonSpec{Args: args, Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, AmbientCaps: []uintptr{dacOverride}})
	}
	return 0
}

func report(v any) int {
	_ = json.NewEncoder(os.Stdout).Encode(v)
	return 0
}

type state struct {
	Umask int
	Core  uint64
	Files []string
	Group bool // leads its process group
	Adj   string
}

func stateOfSelf() state {
	var s state
	s.Umask = syscall.Umask(0)
	var limit syscall.Rlimit
	_ = syscall.Getrlimit(syscall.RLIMIT_CORE, &limit)
	s.Core = limit.Max
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, entry := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil && !strings.HasPrefix(target, "anon_inode") {
			s.Files = append(s.Files, entry.Name()+" "+target)
		}
	}
	s.Group = syscall.Getpgrp() == os.Getpid()
	adj, _ := os.ReadFile("/proc/self/oom_score_adj")
	s.Adj = strings.TrimSpace(string(adj))
	return s
}

// eat fills so many MiB, says so and stays.
func eat(mib string) {
	n, _ := strconv.Atoi(mib)
	var held [][]byte
	for range n {
		block := make([]byte, 1<<20)
		for i := range block {
			block[i] = byte(i)
		}
		held = append(held, block)
	}
	fmt.Println("full")
	_, _ = io.Copy(io.Discard, os.Stdin)
	fmt.Fprintln(io.Discard, len(held))
}

// spin takes so many threads, says so and stays.
func spin(count string) {
	n, _ := strconv.Atoi(count)
	var spun sync.WaitGroup
	for range n {
		spun.Add(1)
		go func() {
			runtime.LockOSThread()
			spun.Done()
			select {}
		}()
	}
	spun.Wait()
	fmt.Println("spun")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// polite says ready, and goodbye some time after a SIGTERM.
func polite() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	fmt.Println("ready")
	<-asked
	<-time.After(200 * time.Millisecond)
	fmt.Println("goodbye")
}

// worker is a worker of its own: it runs a command, says the process ids of the command and the shim,
// renews its lease, and stays.
func worker(args []string) {
	if err := Adopt(); err != nil {
		panic(err)
	}
	env := []string{"PATH=" + os.Getenv("PATH"), tagVar + "=" + os.Getenv(tagVar)}
	c, err := Start(context.Background(), Spec{Args: args, Env: env, Stdout: os.Stdout})
	if err != nil {
		panic(err)
	}
	_ = c.Renew(testLease)
	fmt.Println("child", c.PID(), c.shim.Pid)
	beat := time.NewTicker(testLease / 5)
	for {
		select {
		case <-beat.C:
			_ = c.Renew(testLease)
		case <-c.Done():
			beat.Stop()
			_, err = c.Wait()
			fmt.Println("over", err)
			_, _ = io.Copy(io.Discard, os.Stdin) // until the test ends it
			return
		}
	}
}

// once runs a command to its end.
func once(args []string, rules *sandbox.Rules) {
	if err := Adopt(); err != nil {
		panic(err)
	}
	env := []string{"PATH=" + os.Getenv("PATH")}
	c, err := Start(context.Background(), Spec{Args: args, Env: env, Stdout: os.Stdout, Stderr: os.Stderr, Sandbox: rules})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := c.Wait(); err != nil {
		panic(err)
	}
}

// parent starts a daemon, says its process id, and stays.
func parent(s DaemonSpec) {
	s.Env, s.StopSignal, s.Stdout = os.Environ(), syscall.SIGINT, os.Stdout
	d, err := StartDaemon(s)
	if err != nil {
		panic(err)
	}
	fmt.Println("daemon", d.PID())
	_ = d.Wait()
}
