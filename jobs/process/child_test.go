//go:build linux

package process

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for _, code := range []int{0, 1, 7, 255} {
		result := run(t, self(t, "exit", strconv.Itoa(code)))
		if result.ExitCode != code || result.Signal != "" || result.Stragglers != 0 {
			t.Errorf("exit %d: %+v", code, result)
		}
	}
}

func TestSignals(t *testing.T) {
	t.Parallel()
	for sig, name := range map[syscall.Signal]string{syscall.SIGKILL: "SIGKILL", syscall.SIGTERM: "SIGTERM", syscall.SIGUSR1: "SIGUSR1"} {
		result := run(t, Spec{Args: []string{"/bin/sh", "-c", "kill -$0 $$", strconv.Itoa(int(sig))}})
		if result.ExitCode != -1 || result.Signal != name {
			t.Errorf("%v: %+v", sig, result)
		}
	}
}

func TestArgumentsPassVerbatim(t *testing.T) {
	t.Parallel()
	args := []string{"a b", `"quoted" 'too'`, "$(touch x)", "`id`", "two\nlines", "", "--help", "*", "\xff\xfe", "ünïcode", "a\tb\\"}
	s := Spec{Args: append([]string{"printf", `%s\0`}, args...), Env: []string{"PATH=" + os.Getenv("PATH")}}
	got := strings.Split(strings.TrimSuffix(output(t, s), "\x00"), "\x00")
	if !slices.Equal(got, args) {
		t.Errorf("got %q, want %q", got, args)
	}
}

func TestEnvironmentIsWhatWasGiven(t *testing.T) {
	t.Parallel()
	s := self(t, "environ")
	s.Env = append(s.Env, "A=1", "B=two words", "C=")
	var got []string
	if err := json.Unmarshal([]byte(output(t, s)), &got); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, s.Env) {
		t.Errorf("got %q, want %q", got, s.Env)
	}
}

func TestConfinement(t *testing.T) {
	t.Parallel()
	// What this process lets through on purpose must not reach the command.
	leak, err := syscall.Open("/etc/hostname", syscall.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(leak) }()
	var s state
	if err := json.Unmarshal([]byte(output(t, self(t, "state"))), &s); err != nil {
		t.Fatal(err)
	}
	if s.Umask != 0o077 || s.Core != 0 || !s.Group || s.Adj != "500" {
		t.Errorf("state %+v", s)
	}
	for _, file := range s.Files {
		if strings.Contains(file, "hostname") || strings.Contains(file, "socket:") {
			t.Errorf("inherited %s", file)
		}
	}
}

func TestTheUmaskIsKept(t *testing.T) {
	t.Parallel()
	mine, err := exec.CommandContext(t.Context(), "sh", "-c", "umask").Output()
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(mine)) == "0077" {
		t.Skip("the umask of this process is private itself")
	}
	s, _ := script(t, "umask")
	s.KeepUmask = true
	if got := output(t, s); got != string(mine) {
		t.Errorf("umask %q, want %q", got, mine)
	}
}

func TestNotStarted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"plain": 0o600, "noformat": 0o700, "script": 0o700} {
		text := map[string]string{"script": "#!/no/such/interpreter\n"}[name]
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"neither ELF nor script"), mode); err != nil {
			t.Fatal(err)
		}
	}
	path := []string{"PATH=" + os.Getenv("PATH")}
	for name, test := range map[string]struct {
		spec Spec
		want error
	}{
		"no such name":         {Spec{Args: []string{"no-such-command"}, Env: path}, ErrNotFound},
		"no such path":         {Spec{Args: []string{"/no/such/command"}}, ErrNotFound},
		"no PATH":              {Spec{Args: []string{"true"}}, ErrNotFound},
		"relative PATH":        {Spec{Args: []string{"noformat"}, Dir: dir, Env: []string{"PATH=.:"}}, ErrNotFound},
		"not executable":       {Spec{Args: []string{"./plain"}, Dir: dir}, ErrNotFound},
		"no executable format": {Spec{Args: []string{"./noformat"}, Dir: dir}, ErrNotFound},
		"no interpreter":       {Spec{Args: []string{"./script"}, Dir: dir}, ErrNotFound},
		"folder":               {Spec{Args: []string{"/tmp"}}, ErrNotFound},
		"nothing":              {Spec{}, ErrInvalid},
		"NUL in argument":      {Spec{Args: []string{"true", "a\x00b"}, Env: path}, ErrInvalid},
		"NUL in environment":   {Spec{Args: []string{"true"}, Env: append([]string{"A=\x00"}, path...)}, ErrInvalid},
		"one argument too big": {Spec{Args: []string{"true", strings.Repeat("x", 200<<10)}, Env: path}, ErrInvalid},
		"all too big":          {Spec{Args: append([]string{"true"}, slices.Repeat([]string{strings.Repeat("x", 100<<10)}, 80)...), Env: path}, ErrInvalid},
		"no such folder":       {Spec{Args: []string{"true"}, Env: path, Dir: filepath.Join(dir, "none")}, ErrInvalid},
		"folder is a file":     {Spec{Args: []string{"true"}, Env: path, Dir: filepath.Join(dir, "plain")}, ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.spec.Stdout, test.spec.Stdin = io.Discard, strings.NewReader("x")
			if c, err := Start(t.Context(), test.spec); !errors.Is(err, test.want) {
				t.Errorf("child %v, error %v", c, err)
			}
		})
	}
}

func TestCommandIsFoundFromDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "here"), []byte("#!/bin/sh\npwd\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := output(t, Spec{Args: []string{"./here"}, Dir: dir}); got != dir+"\n" {
		t.Errorf("ran in %q", got)
	}
}

func TestStdin(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("prompt ", 300<<10)
	s := self(t, "echo")
	if got := output(t, s); got != "" {
		t.Errorf("no stdin: read %d bytes", len(got))
	}
	s.Stdin = strings.NewReader(big)
	if got := output(t, s); got != big {
		t.Errorf("read %d bytes of %d", len(got), len(big))
	}
	// A command that does not read it all is no error.
	s = self(t, "exit", "0")
	s.Stdin = strings.NewReader(big)
	run(t, s)
}

// flood writes so many bytes to both outputs at the same time.
func flood(size int) Spec {
	return Spec{
		Args: []string{"/bin/sh", "-c", "head -c $0 /dev/zero & head -c $0 /dev/zero >&2; wait", strconv.Itoa(size)},
		Env:  []string{"PATH=" + os.Getenv("PATH")},
	}
}

func TestFloodIsDrained(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	s := flood(size)
	stdout, stderr := &counter{}, &counter{}
	s.Stdout, s.Stderr = stdout, stderr
	if result := run(t, s); result.ExitCode != 0 || stdout.n != size || stderr.n != size {
		t.Errorf("%+v, read %d and %d", result, stdout.n, stderr.n)
	}
}

// counter is written from one goroutine and read after Wait; the race detector proves that Wait orders them.
type counter struct{ n int }

func (c *counter) Write(p []byte) (int, error) {
	c.n += len(p)
	return len(p), nil
}

func TestOutputIsCompleteAfterWait(t *testing.T) {
	t.Parallel()
	for range 50 {
		s := Spec{Args: []string{"/bin/sh", "-c", "printf %060000d 1; printf %060000d 1 >&2"}}
		stdout, stderr := &counter{}, &counter{}
		s.Stdout, s.Stderr = stdout, stderr
		if run(t, s); stdout.n != 60000 || stderr.n != 60000 {
			t.Fatalf("lost output: %d and %d", stdout.n, stderr.n)
		}
	}
}

func TestFailingWriterDoesNotBlock(t *testing.T) {
	t.Parallel()
	s := flood(1 << 20)
	s.Stdout = brokenWriter{}
	c := start(t, s)
	if result, err := c.Wait(); result.ExitCode != 0 || !errors.Is(err, errBroken) {
		t.Errorf("%+v, %v", result, err)
	}
}

var errBroken = errors.New("broken")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestUsage(t *testing.T) {
	t.Parallel()
	burnt := run(t, self(t, "burn"))
	if burnt.CPU < burnTime || burnt.CPU > burnTime*20 || burnt.Wall < burnTime {
		t.Errorf("burn: %+v", burnt)
	}
	ate := run(t, self(t, "eat", "100"))
	if ate.MaxRSS < 100<<20 || ate.MaxRSS > 400<<20 {
		t.Errorf("eat: %+v", ate)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 5 {
				s := self(t, "exit", strconv.Itoa(i))
				c, err := Start(t.Context(), s)
				if err != nil {
					t.Error(err)
					return
				}
				if result, err := c.Wait(); err != nil || result.ExitCode != i {
					t.Errorf("%+v, %v", result, err)
				}
			}
		})
	}
	all.Wait()
}

func TestCancelledStart(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errBroken)
	s, tag := script(t, "sleep 1000")
	if c, err := Start(ctx, s); !errors.Is(err, errBroken) {
		t.Errorf("child %v, error %v", c, err)
	}
	gone(t, tag)
}

func TestEnviron(t *testing.T) {
	t.Parallel()
	have := map[string]string{"PATH": "/bin", "HOME": "/root", "SECRET": "s", "URL": "u", "TZ": "UTC"}
	lookup := func(name string) (string, bool) { value, found := have[name]; return value, found }
	got := Environ([]string{"URL", "ABSENT"}, lookup, map[string]string{"HOME": "/elsewhere", "X": "1"})
	if want := []string{"HOME=/elsewhere", "PATH=/bin", "TZ=UTC", "URL=u", "X=1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
