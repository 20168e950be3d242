//go:build linux

package process

import (
	"os"
	"testing"
)

func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	for name, watch := range map[string]bool{"control group": false, "watched": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := self(t, "eat", "300")
			// The command stays below the limit; its descendants do not.
			s.Args = append([]string{"/bin/sh", "-c", `setsid "$0" "$@" | cat; :`}, s.Args...)
			s.Env = append(s.Env, "PATH="+os.Getenv("PATH"))
			s.Memory, s.watched = 100<<20, watch
			stdin, feed, err := os.Pipe() // never says a word, so that the eater stays
			if err != nil {
				t.Fatal(err)
			}
			defer feed.Close()
			defer stdin.Close()
			s.Stdin = stdin
			out := &watched{}
			s.Stdout = out
			if result := run(t, s); !result.OOM {
				t.Errorf("%+v, wrote %q", result, out)
			}
		})
	}
}

func TestMemoryBelowTheLimit(t *testing.T) {
	t.Parallel()
	for name, watch := range map[string]bool{"control group": false, "watched": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := self(t, "eat", "20")
			s.Memory, s.watched = 300<<20, watch
			if result := run(t, s); result.OOM || result.ExitCode != 0 {
				t.Errorf("%+v", result)
			}
		})
	}
}
