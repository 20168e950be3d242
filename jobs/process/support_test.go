//go:build linux

package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"freshet/jobs/process/tree"
)

const (
	promptly = 2 * time.Second  // what the package promises
	patient  = 20 * time.Second // what a busy machine may need
)

// self is the Spec of a role of the test binary.
func self(t *testing.T, role string, args ...string) Spec {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Spec{Args: append([]string{path}, args...), Env: []string{roleVar + "=" + role}}
}

// script is the Spec of a shell script, and the tag that all it forks will bear.
func script(t *testing.T, text string) (Spec, string) {
	t.Helper()
	tag := fmt.Sprintf("%s-%d", strings.ReplaceAll(t.Name(), "/", "-"), time.Now().UnixNano())
	return Spec{Args: []string{"sh", "-c", text}, Env: []string{"PATH=" + os.Getenv("PATH"), tagVar + "=" + tag}}, tag
}

func start(t *testing.T, s Spec) *Child {
	t.Helper()
	c, err := Start(t.Context(), s)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() {
		c.Kill()
		<-c.Done()
	})
	return c
}

// run runs a command to its end.
func run(t *testing.T, s Spec) Result {
	t.Helper()
	result, err := start(t, s).Wait()
	if err != nil {
		t.Fatalf("wait: %v", err)
	}
	return result
}

// output runs a command and answers its stdout.
func output(t *testing.T, s Spec) string {
	t.Helper()
	out := &watched{}
	s.Stdout = out
	if result := run(t, s); result.ExitCode != 0 {
		t.Fatalf("result %+v", result)
	}
	return out.String()
}

// watched is a writer that can be waited for.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// has waits until the text was written.
func (w *watched) has(t *testing.T, text string) {
	t.Helper()
	if !eventually(patient, func() bool { return strings.Contains(w.String(), text) }) {
		t.Fatalf("never wrote %q, but %q", text, w.String())
	}
}

// eventually asks until the answer is yes or the time is over.
func eventually(within time.Duration, yes func() bool) bool {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(within); ; <-ticker.C {
		if yes() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}

// bearers are the living processes that bear a tag, wherever they are.
func bearers(tag string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(environ, []byte(tagVar+"="+tag)) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if status, err := tree.Read(pid); err == nil && !status.Dead {
			pids = append(pids, pid)
		}
	}
	return pids
}

// grown waits until so many bear the tag.
func grown(t *testing.T, tag string, n int) {
	t.Helper()
	if !eventually(patient, func() bool { return len(bearers(tag)) >= n }) {
		t.Fatalf("%d of %d processes came up", len(bearers(tag)), n)
	}
}

// gone fails if any bears the tag after what is promised.
func gone(t *testing.T, tag string) {
	t.Helper()
	if !eventually(promptly, func() bool { return len(bearers(tag)) == 0 }) {
		t.Fatalf("survivors: %v", bearers(tag))
	}
}
