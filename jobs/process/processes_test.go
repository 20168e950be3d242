//go:build linux

package process

import (
	"os"
	"strings"
	"testing"
	"time"
)

// bombs grow to about 750 processes, no more, and end by themselves when nobody ends them.
func bombs() map[string]string {
	return map[string]string{
		"group": `bomb() { if [ $1 -gt 0 ]; then bomb $(($1-1)) & bomb $(($1-1)) & wait; else sleep 1; fi; }
			bomb 8; echo through`,
		"session": `echo 'if [ $1 -gt 0 ]; then n=$(($1-1)); setsid sh "$0" $n & setsid sh "$0" $n & wait; else sleep 1; fi' > bomb
			sh bomb 8; echo through`,
	}
}

func TestForkBombs(t *testing.T) {
	t.Parallel()
	for name, text := range bombs() {
		for means, watching := range map[string]bool{"best means": false, "watched": true} {
			t.Run(name+", "+means, func(t *testing.T) {
				t.Parallel()
				s, tag := script(t, text)
				s.Dir, s.Processes, s.watched = t.TempDir(), 100, watching
				out := &watched{}
				s.Stdout = out
				result := run(t, s)
				if !result.Crowded || result.OOM || strings.Contains(out.String(), "through") {
					t.Errorf("%+v, wrote %q", result, out)
				}
				if left := bearers(tag); len(left) != 0 {
					t.Errorf("%d survivors", len(left))
				}
				t.Logf("over after %s", result.Wall)
			})
		}
	}
}

// Without a limit, and with one that is high enough, the same programs come to their end.
func TestForkBombsBelowTheLimit(t *testing.T) {
	t.Parallel()
	for name, most := range map[string]int{"group": 0, "session": 10_000} {
		s, _ := script(t, bombs()[name])
		s.Dir, s.Processes = t.TempDir(), most
		out := &watched{}
		s.Stdout = out
		if result := run(t, s); result.Crowded || result.ExitCode != 0 || out.String() != "through\n" {
			t.Errorf("%s, limit %d: %+v, wrote %q", name, most, result, out)
		}
	}
}

// The well-known one never ends, and each of its processes lives for a moment. It runs as a user that has
// nothing else, whom the kernel allows 500 processes, so that it cannot take the machine with it.
func TestTheForkBomb(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root has users to spare")
	}
	bomb := func(user uint32, most int) (*Child, string) {
		s, tag := script(t, `ulimit -u 500 && b() { b | b & } && b; sleep 1000`)
		s.Args[0], s.Dir = "bash", "/" // other shells cannot limit what a user has
		s.User, s.Processes, s.watched = &User{UID: user, GID: user}, most, true
		return start(t, s), tag
	}
	limited, tag := bomb(1_717_171, 100)
	if result, err := limited.Wait(); err != nil || !result.Crowded {
		t.Errorf("%+v, %v", result, err)
	}
	gone(t, tag)

	free, tag := bomb(1_717_172, 0)
	grown(t, tag, 250)
	select {
	case <-free.Done():
		t.Error("it ended although nobody limited it")
	default:
	}
	began := time.Now()
	free.Kill()
	if result, err := free.Wait(); err != nil || result.Crowded {
		t.Errorf("%+v, %v", result, err)
	}
	t.Logf("killed in %s", time.Since(began))
	gone(t, tag)
}

// Threads are as many processes to the kernel, and so to the limit.
func TestThreadsCount(t *testing.T) {
	t.Parallel()
	for most, crowded := range map[int]bool{30: true, 200: false} {
		s := self(t, "threads", "60")
		s.Processes = most
		stdin, feed, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer stdin.Close()
		defer feed.Close()
		out := &watched{}
		s.Stdin, s.Stdout = stdin, out
		c := start(t, s)
		if !crowded {
			out.has(t, "spun")
			_ = feed.Close() // the command ends
		}
		if result, err := c.Wait(); err != nil || result.Crowded != crowded {
			t.Errorf("limit %d: %+v, %v", most, result, err)
		}
	}
}

func TestOpenFiles(t *testing.T) {
	t.Parallel()
	s, _ := script(t, `ulimit -Sn; ulimit -Hn`)
	s.OpenFiles = 123
	if got := output(t, s); got != "123\n123\n" {
		t.Errorf("limits %q", got)
	}
	s, _ = script(t, `for i in {3..99}; do eval "exec $i</dev/null" || exit 7; done`)
	s.Args[0] = "bash" // other shells know ten
	if result := run(t, s); result.ExitCode != 0 {
		t.Errorf("without a limit: %+v", result)
	}
	s.OpenFiles = 64
	if result := run(t, s); result.ExitCode == 0 {
		t.Errorf("a hundred files are open where 64 may be: %+v", result)
	}
}
