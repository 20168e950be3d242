package embedded

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// childEnv makes this program one that runs a server on the folder it names, until it is killed.
const childEnv = "FRESHET_EMBEDDED_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		s, err := Start(context.Background(), Options{DataDir: dir, Environ: os.Environ()})
		if err != nil {
			fmt.Println("failed", err)
			return
		}
		fmt.Println("running", s.daemon.PID())
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		fmt.Println("stopped", s.Stop(context.Background()))
		return
	}
	goleak.VerifyTestMain(m)
}

// keeper is another process with a server.
type keeper struct {
	command *exec.Cmd
	says    string // its first line
}

// startKeeper starts a process that starts a server on the folder, and waits for what comes of it.
func startKeeper(t *testing.T, command *exec.Cmd, dir string) keeper {
	t.Helper()
	command.Env = append(os.Environ(), childEnv+"="+dir)
	command.Stderr = os.Stderr
	if _, err := command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	k := keeper{command: command}
	t.Cleanup(k.kill)
	k.says, err = bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the process said nothing: %v", err)
	}
	k.says = strings.TrimSpace(k.says)
	return k
}

// server returns the process of the server.
func (k keeper) server(t *testing.T) int {
	t.Helper()
	number, found := strings.CutPrefix(k.says, "running ")
	pid, err := strconv.Atoi(number)
	if !found || err != nil {
		t.Fatalf("the process says %q", k.says)
	}
	return pid
}

func (k keeper) kill() {
	_ = k.command.Process.Kill()
	_ = k.command.Wait()
}

// start starts a server that ends with the test.
func start(t *testing.T, o Options) *Server {
	t.Helper()
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	return s
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// ask returns the answer to a query, as text.
func ask(t *testing.T, url, query string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var answer string
	if err := conn.QueryRow(t.Context(), query).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

func execute(t *testing.T, url, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// within waits until something holds.
func within(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(limit)
	for tick := time.Tick(2 * time.Millisecond); !holds(); {
		select {
		case <-deadline:
			t.Fatalf("%s: not within %v", what, limit)
		case <-tick:
		}
	}
}

// running tells whether a process still does something: one that nobody has waited for does not.
func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}
