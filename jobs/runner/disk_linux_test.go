package runner_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"freshet/jobs"
)

// The disk fills up under the spool: the attempt fails, what was kept until then is stored.
//
//nolint:tparallel // the two fill the same disk
func TestDiskFull(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root may mount a small disk")
	}
	small := t.TempDir()
	if err := unix.Mount("tmpfs", small, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("cannot mount a small disk:", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(small, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	t.Run("spool", func(t *testing.T) {
		b := newBench(t, "")
		b.host.Root = filepath.Join(small, "spool")
		b.sh(`while :; do echo "0123456789abcdefghijklmnopqrstuvwxyz 0123456789abcdefghijklmnopqrstuvwxyz"; done`)
		ending := b.run(t.Context())
		wantFailure(t, ending, jobs.CodeDiskFull, "no space left")
		if b.sink.size < 1<<19 || ending.Next == nil {
			t.Errorf("%d bytes are stored, next %+v", b.sink.size, ending.Next)
		}
		next := newBench(t, "").sh("true")
		next.host.Root = b.host.Root
		wantCompleted(t, next.run(t.Context()))
	})
	t.Run("workspace", func(t *testing.T) {
		filler := filepath.Join(small, "filler")
		if err := os.WriteFile(filler, make([]byte, 2<<20), 0o600); err == nil {
			t.Fatal("the small disk is not small")
		}
		b := newBench(t, "").sh("true")
		b.host.Root = filepath.Join(small, "workspace")
		b.claim.Input = []byte(`"` + strings.Repeat("x", 8<<10) + `"`)
		wantFailure(t, b.run(t.Context()), jobs.CodeDiskFull, "no space left")
	})
}
