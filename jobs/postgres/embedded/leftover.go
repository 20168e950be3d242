package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"freshet/jobs/process"
)

// leftoverWithin is how long a server that was left behind may take to end.
const leftoverWithin = 30 * time.Second

// stopLeftover ends a server that an earlier process left on the cluster. The caller holds the lock
// of the folder, so no living process of ours needs that server.
func stopLeftover(ctx context.Context, cluster string) error {
	file := filepath.Join(cluster, "postmaster.pid")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read postmaster.pid: %w", err)
	}
	first, rest, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 {
		return nil //nolint:nilerr // PostgreSQL knows what to do with a broken file
	}
	if err := end(ctx, pid, cluster); err != nil {
		return fmt.Errorf("stop the server that was left, process %d: %w", pid, err)
	}
	if _, err := os.Stat(file); err == nil && alive(pid) {
		return disown(file, rest)
	}
	return nil
}

// disown puts our own number in the place of one that belongs to a stranger now. PostgreSQL would
// refuse to start for the stranger; it knows that its parent is not a server, and goes on to look
// whether old server processes still use the data.
func disown(file, rest string) error {
	text := strconv.Itoa(os.Getpid()) + "\n" + rest
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return fmt.Errorf("correct postmaster.pid: %w", err)
	}
	return nil
}

// end asks the server on the cluster to shut down and waits until it is gone. It is not our child.
func end(ctx context.Context, pid int, cluster string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, leftoverWithin, errors.New("it does not end"))
	defer cancel()
	tick := time.NewTicker(askAgain)
	defer tick.Stop()
	for serves(ctx, pid, cluster) {
		if err := syscall.Kill(pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}

func alive(pid int) bool {
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// serves tells whether the process is a server on the cluster, by its command line. The link to its
// working folder would be surer, but root may not follow another user's in many containers.
func serves(ctx context.Context, pid int, cluster string) bool {
	if _, err := os.Stat("/proc/self"); err == nil {
		line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		return err == nil && strings.Contains(string(line), cluster+"\x00")
	}
	ps := account{}.command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid))
	line, err := process.Output(ctx, ps)
	return err == nil && strings.Contains(string(line), cluster+" ")
}
