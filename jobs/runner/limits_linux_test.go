package runner_test

import (
	"strings"
	"testing"

	"freshet/jobs"
)

// bomb grows to about five hundred processes, and says so if nobody hinders it.
const bomb = `bomb() { if [ $1 -gt 0 ]; then bomb $(($1-1)) & bomb $(($1-1)) & wait; else sleep 1; fi; }; bomb 7; echo through`

func TestProcessLimit(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh(bomb)
	b.spec.Processes = 100
	ending := b.run(t.Context())
	wantFailure(t, ending, jobs.CodeProcesses, "more than 100 processes and threads at once")
	if ending.Signal != "SIGKILL" || ending.Next == nil || strings.Contains(b.sink.text(jobs.Stdout), "through") {
		t.Errorf("signal %q, next %+v, wrote %q", ending.Signal, ending.Next, b.sink.text(jobs.Stdout))
	}
	for _, most := range []int{0, 5000} {
		b := newBench(t, "").sh(bomb)
		b.spec.Processes = most
		wantCompleted(t, b.run(t.Context()))
		if b.sink.text(jobs.Stdout) != "through\n" {
			t.Errorf("limit %d: wrote %q", most, b.sink.text(jobs.Stdout))
		}
	}
}

func TestOpenFilesLimit(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh("ulimit -n")
	b.spec.OpenFiles = 77
	wantCompleted(t, b.run(t.Context()))
	if b.sink.text(jobs.Stdout) != "77\n" {
		t.Errorf("may open %q", b.sink.text(jobs.Stdout))
	}
}

// Each of these fills the workspace, and would then wait for ever.
func TestDiskLimit(t *testing.T) {
	t.Parallel()
	const mebibyte = 1 << 20
	for name, test := range map[string]struct {
		script, message string
		disk            int64
		files           int
	}{
		"one file":       {script: `head -c 9000000 /dev/zero > big`, disk: 4 * mebibyte, message: "more than 4194304 bytes"},
		"temporary file": {script: `head -c 9000000 /dev/zero > $TMPDIR/big`, disk: 4 * mebibyte, message: "more than 4194304 bytes"},
		"artifact":       {script: `head -c 9000000 /dev/zero > $FRESHET_ARTIFACTS/big`, disk: 4 * mebibyte, message: "more than 4194304 bytes"},
		"small files":    {script: `i=0; while [ $i -lt 900 ]; do i=$((i+1)); echo x > $i; done`, disk: mebibyte, message: "more than 1048576 bytes"},
		"100,000 files":  {script: `seq 100000 | xargs touch`, files: 10_000, message: "more than 10000 files and folders"},
		"folders":        {script: `mkdir a; cd a; seq 2000 | xargs mkdir`, files: 1000, message: "more than 1000 files and folders"},
		"depth":          {script: `i=0; while [ $i -lt 300 ]; do i=$((i+1)); mkdir d; cd d; done`, files: 5000, message: "nested more than 128 deep"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "").sh(test.script + `; trap "" TERM; while :; do sleep 1; done`)
			b.spec.Cwd, b.spec.Disk, b.spec.Files = jobs.CwdWorkspace, test.disk, test.files
			ending := b.run(t.Context())
			wantFailure(t, ending, jobs.CodeDiskLimit, test.message)
			if ending.Signal != "SIGKILL" || ending.Next == nil {
				t.Errorf("signal %q, next %+v", ending.Signal, ending.Next)
			}
		})
	}
}

// What stays within the limits, or has none, is looked at several times and left alone.
func TestDiskBelowTheLimit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script string
		disk   int64
		files  int
	}{
		"little":           {script: `head -c 900000 /dev/zero > big; seq 50 | xargs touch`, disk: 4 << 20, files: 100},
		"no limit":         {script: `head -c 9000000 /dev/zero > big; seq 2000 | xargs touch`},
		"other limit":      {script: `head -c 9000000 /dev/zero > big`, files: 100},
		"holes":            {script: `truncate -s 1G big`, disk: 4 << 20},
		"several names":    {script: `head -c 3000000 /dev/zero > big; for i in 1 2 3 4 5; do ln big $i; done`, disk: 4 << 20},
		"links":            {script: `for i in $(seq 20); do ln -s / $i; ln -s . back$i; done`, disk: 4 << 20, files: 100},
		"what comes, goes": {script: `for i in $(seq 60); do head -c 900000 /dev/zero > $i; rm $i; sleep 0.01; done`, disk: 4 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "").sh(test.script + "; sleep 1.2")
			b.spec.Cwd, b.spec.Disk, b.spec.Files = jobs.CwdWorkspace, test.disk, test.files
			wantCompleted(t, b.run(t.Context()))
		})
	}
}
